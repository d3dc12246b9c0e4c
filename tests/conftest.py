"""What every test may take for granted of the machine, however the tests were started.

Hypothesis asserts no times here: machines are shared, and a slow example is not a wrong one. A signal that our own
parent ignores (`nohup make test`) would be ignored by every process that a test starts, and then waited for in vain.
"""

import signal

from hypothesis import settings

settings.register_profile("rotator", deadline=None)
settings.load_profile("rotator")

if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
