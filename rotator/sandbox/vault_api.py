"""What the sandbox Vault answers: requests in, answers out, no sockets. The order of the checks is Vault's."""

from __future__ import annotations

from rotator.sandbox.vault_auth import about_token, login
from rotator.sandbox.vault_books import Condition, Namespace, VaultBooks
from rotator.sandbox.vault_policies import ROOT
from rotator.sandbox.vault_sys import health, seal_status, system, ui_mount
from rotator.sandbox.vault_tokens import Token
from rotator.sandbox.vault_wire import Answer, Refused, Request, denied

_CAPABILITY = {"GET": "read", "LIST": "list", "PATCH": "patch", "DELETE": "delete"}
_UI_MOUNTS = "sys/internal/ui/mounts/"


class VaultApi:
    """Answers for one set of books; whoever calls sees to it that requests come one at a time."""

    def __init__(self, books: VaultBooks) -> None:
        self._books = books

    def answer(self, request: Request) -> Answer:
        try:
            return self._answered(request)
        except Refused as no:
            return no.answer

    def _answered(self, request: Request) -> Answer:
        # 1. Asked of the node itself: no token, no namespace, in every condition.
        if request.path == "sys/health" and request.method in ("GET", "HEAD"):
            return health(self._books, request)
        if request.path == "sys/seal-status" and request.method == "GET":
            return seal_status(self._books)
        # 2. Whether the node serves at all, and serves what is up to date.
        elsewhere = self._check_condition(request)
        if elsewhere is not None:
            return elsewhere
        # 3. Who asks, and where.
        namespace = self._namespace(request)
        logged_in = login(self._books, namespace, request)
        if logged_in is not None:
            return logged_in
        token = self._token(request, namespace)
        # 4. Whether that is allowed; only then, whether it exists.
        if request.path.startswith(_UI_MOUNTS):
            return ui_mount(self._books, namespace, token, request)
        self._authorise(request, namespace, token)
        return self._route(request, namespace, token)

    def _check_condition(self, request: Request) -> Answer | None:
        books = self._books
        match books.condition:
            case Condition.SEALED | Condition.UNINITIALISED:
                raise Refused(503, "Vault is sealed")
            case Condition.DR_SECONDARY:
                raise Refused(400, "path disabled in replication DR secondary mode")
            case Condition.STANDBY if books.active_url is None:
                raise Refused(500, "local node not active but active cluster node not found")
            case Condition.STANDBY:
                return Answer(status=307, headers={"Location": f"{books.active_url}{request.as_sent}"})
            case Condition.ACTIVE | Condition.PERFORMANCE_STANDBY:
                pass  # a performance standby reads by itself and forwards writes: no difference to be seen
        if books.behind > 0:
            books.behind -= 1
            raise Refused(412, "required index state not present")
        return None

    def _namespace(self, request: Request) -> Namespace:
        path = request.headers.get("x-vault-namespace", "").strip("/")
        found = self._books.namespaces.get("" if path == "root" else path)
        if found is None:
            raise Refused(404, "namespace not found")
        return found

    def _token(self, request: Request, namespace: Namespace) -> Token:
        """A token is good in its own namespace and in those within it."""
        bearer = request.headers.get("authorization", "")
        given = request.headers.get("x-vault-token") or (bearer[7:] if bearer.startswith("Bearer ") else "")
        if not given:
            raise Refused(403, "permission denied")
        token = self._books.tokens.find(given)
        if token is None:
            raise denied("invalid token")
        if token.namespace and not f"{namespace.path}/".startswith(f"{token.namespace}/"):
            raise denied()
        return token

    def _authorise(self, request: Request, namespace: Namespace, token: Token) -> None:
        path = request.path
        if request.method == "LIST" and not path.endswith("/"):
            path += "/"
        held = self._books.capabilities(token, namespace.path, path)
        if held == ROOT or self._needed(request, namespace) in held:
            return
        # A list of a folder may also be granted on its name without the slash.
        if request.method == "LIST" and "list" in self._books.capabilities(token, namespace.path, path.rstrip("/")):
            return
        raise denied()

    def _needed(self, request: Request, namespace: Namespace) -> str:
        if request.method != "POST":
            return _CAPABILITY.get(request.method, "deny")
        routed = namespace.routed(request.path)
        return "update" if routed is None or routed[1].exists(routed[2]) else "create"

    def _route(self, request: Request, namespace: Namespace, token: Token) -> Answer:
        if request.path.startswith("auth/token/"):
            return about_token(self._books, namespace, token, request)
        if request.path.startswith("sys/"):
            return system(self._books, namespace, token, request)
        routed = namespace.routed(request.path)
        if routed is None:
            raise Refused(404, f'no handler for route "{request.path}". route entry not found.')
        return routed[1].answer(request, routed[2])
