"""The routes of logins, users and tokens."""

from typing import Annotated, Any

from litestar import Request, Response, delete, get, patch, post
from litestar.datastructures import Cookie
from litestar.params import JSONBody
from msgspec import Meta, Struct

from anypool.api.asking import By, From, Key, Use
from anypool.api.gate import ANONYMOUS, COOKIE, SECRET
from anypool.api.problems import Problem, answer, problem_of
from anypool.api.views import time_or_none
from anypool.api.vms import Text
from anypool.errors import Busy, Invalid
from anypool.service.logins import Session, csrf_of
from anypool.service.people import UserChange
from anypool.store.records import Role, TokenRecord, UserRecord

Secret = Annotated[str, Meta(max_length=1024)]


class LoginBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A one-time code, or a user with a password."""

    code: Secret | None = None
    user: Text | None = None
    password: Secret | None = None


class Me(Struct, frozen=True, kw_only=True):
    """Who is logged in; a page sends `csrf` along as X-Anypool-CSRF when it changes things."""

    user: str
    role: Role
    csrf: str | None


class UserView(Struct, frozen=True, kw_only=True):
    """A user."""

    name: str
    role: Role
    has_password: bool
    disabled: bool
    created_at: float


class NewUser(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user; without a password they log in by a link that is made on the manager's machine."""

    name: Text
    role: Role
    password: Secret | None = None


class UserPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change; what is left out stays."""

    role: Role | None = None
    password: Secret | None = None
    disabled: bool | None = None


class OwnPassword(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new password; `old` is needed if there is one."""

    new: Secret
    old: Secret = ""


class TokenView(Struct, frozen=True, kw_only=True):
    """A token, without its secret."""

    id: str
    user: str
    label: str
    role: Role
    created_at: float
    expires_at: float | None
    last_used_at: float | None
    deeds: tuple[str, ...] | None


class NewToken(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token for programs; left out, the role is one's own and the deeds are all of the role's."""

    label: Text
    role: Role | None = None
    deeds: tuple[Text, ...] | None = None
    days: Annotated[int, Meta(ge=1, le=3650)] = 90


class MadeToken(Struct, frozen=True, kw_only=True):
    """A new token and its secret, which nobody can read again."""

    token: TokenView
    secret: str


class Users(Struct, frozen=True, kw_only=True):
    """All users."""

    items: tuple[UserView, ...]
    total: int
    next: None = None


class Tokens(Struct, frozen=True, kw_only=True):
    """All tokens one may see."""

    items: tuple[TokenView, ...]
    total: int
    next: None = None


@post("/login", status_code=200, opt={ANONYMOUS: True}, sync_to_thread=True)
def login(
    services: Use, request: Request[Any, Any, Any], data: JSONBody[LoginBody]
) -> Response[Me]:
    """Begin a session by a one-time code or a password."""
    address = "unknown" if request.client is None else request.client.host
    try:
        session = _session(services, data, address)
    except Busy as error:
        return _too_many(problem_of(error))
    me = Me(user=session.principal.name, role=session.principal.role, csrf=session.csrf)
    secure = request.url.scheme == "https"
    return Response(me, cookies=[_cookie(session.secret, round(session.ttl_s), secure)])


@post("/logout", sync_to_thread=True, status_code=204)
def logout(services: Use, caller: From, request: Request[Any, Any, Any]) -> Response[None]:
    """End the session."""
    if caller.session:
        services.logins.logout(caller.session)
    secure = request.url.scheme == "https"
    return Response(None, status_code=204, cookies=[_cookie("", 0, secure)])


@get("/me", sync_to_thread=False)
def get_me(caller: From) -> Me:
    """Say who is logged in."""
    csrf = csrf_of(caller.session) if caller.session else None
    return Me(user=caller.principal.name, role=caller.principal.role, csrf=csrf)


@post("/me/password", status_code=204, sync_to_thread=True)
def set_own_password(services: Use, by: By, data: JSONBody[OwnPassword]) -> None:
    """Change one's own password; all sessions end."""
    services.people.set_own_password(by, data.old, data.new)


@get("/users", sync_to_thread=True)
def list_users(services: Use, by: By) -> Users:
    """List users."""
    found = tuple(map(_user, services.people.list(by)))
    return Users(items=found, total=len(found))


@post("/users", status_code=201, sync_to_thread=True)
def add_user(services: Use, by: By, data: JSONBody[NewUser]) -> UserView:
    """Make a user."""
    return _user(services.people.add(by, data.name, data.role, data.password))


@patch("/users/{name:str}", sync_to_thread=True)
def change_user(services: Use, by: By, name: Key, data: JSONBody[UserPatch]) -> UserView:
    """Change role, password or access; the user's sessions end."""
    change = UserChange(role=data.role, password=data.password, disabled=data.disabled)
    return _user(services.people.change(by, name, change))


@delete("/users/{name:str}", sync_to_thread=True)
def remove_user(services: Use, by: By, name: Key) -> None:
    """Forget a user with tokens and sessions."""
    services.people.remove(by, name)


@get("/tokens", sync_to_thread=True)
def list_tokens(services: Use, by: By) -> Tokens:
    """List one's own tokens; an administrator sees all."""
    found = tuple(map(_token, services.people.list_tokens(by)))
    return Tokens(items=found, total=len(found))


@post("/tokens", status_code=201, opt={SECRET: True}, sync_to_thread=True)
def add_token(services: Use, by: By, data: JSONBody[NewToken]) -> MadeToken:
    """Make a token of one's own."""
    token, secret = services.people.add_token(by, data.label, data.role, data.days, data.deeds)
    return MadeToken(token=_token(token), secret=secret)


@delete("/tokens/{token:str}", sync_to_thread=True)
def remove_token(services: Use, by: By, token: Key) -> None:
    """End a token."""
    services.people.remove_token(by, token)


def _session(services: Use, data: LoginBody, address: str) -> Session:
    if data.code is not None and data.user is None and data.password is None:
        return services.logins.with_code(data.code, address)
    if data.code is None and data.user is not None and data.password is not None:
        return services.logins.with_password(data.user, data.password, address)
    raise Invalid("neither a code nor a user", hint="send `code`, or `user` and `password`")


def _too_many(problem: Problem) -> Response[Any]:
    limited = Problem(
        type="urn:anypool:problem:too-many-requests",
        title="Too many requests",
        status=429,
        detail=problem.detail,
        hint=problem.hint,
    )
    return answer(limited, {"Retry-After": "300"})


def _cookie(secret: str, ttl_s: int, secure: bool) -> Cookie:
    return Cookie(
        key=COOKIE,
        value=secret,
        max_age=ttl_s,
        path="/",
        httponly=True,
        secure=secure,
        samesite="strict",
    )


def _user(user: UserRecord) -> UserView:
    return UserView(
        name=user.name,
        role=user.role,
        has_password=bool(user.password_hash),
        disabled=user.disabled,
        created_at=user.created_at,
    )


def _token(token: TokenRecord) -> TokenView:
    return TokenView(
        id=token.id,
        user=token.user,
        label=token.label,
        role=token.role,
        created_at=token.created_at,
        expires_at=time_or_none(token.expires_at),
        last_used_at=time_or_none(token.last_used_at),
        deeds=token.deeds,
    )


ROUTES = (
    login,
    logout,
    get_me,
    set_own_password,
    list_users,
    add_user,
    change_user,
    remove_user,
    list_tokens,
    add_token,
    remove_token,
)
