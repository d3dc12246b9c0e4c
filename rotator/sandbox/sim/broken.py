"""How a law says that it does not hold."""


class LawBroken(BaseException):
    """A law does not hold. No part of the tool may catch it: the run ends here."""
