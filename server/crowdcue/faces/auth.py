"""From tokens to actors: members' signed tokens, rooms' host tokens, and what each of them is worth."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import urlsplit

from itsdangerous import BadData, URLSafeSerializer

from crowdcue.live.room import LiveRoom
from crowdcue.room.commands import HOST, NODE, PLAYER, UNLIMITED, Claim
from crowdcue.room.ops import Actor
from crowdcue.room.refusal import Refused

log = logging.getLogger(__name__)

COOKIE: Final = "crowdcue"
#: A browser keeps its member for a year (s).
COOKIE_AGE: Final = 365 * 86_400
#: Longer tokens are not ours; not even looked at.
MAX_TOKEN: Final = 1_024


#: Tokens whose signature was found good, and need not be looked at again: bots ask often (about 0.5 KB each).
MAX_KNOWN: Final = 10_000


class BadToken(Exception):
    """A token that this party did not sign; says which."""

    def __init__(self, message: str = "this token is not of this party") -> None:
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Member:
    """Who a token stands for. `token` is None for those who are known by their address only (`--open`)."""

    id: str
    name: str
    token: str | None


class Identity:
    """Signs and reads tokens. The same secret on every node makes the same member everywhere."""

    def __init__(self, secret: bytes, *, everybody_hosts: bool) -> None:
        self.everybody_hosts = everybody_hosts
        self._known: dict[str, Member] = {}
        kwargs = {"digest_method": hashlib.sha256}
        self._members = URLSafeSerializer(secret, salt="crowdcue.member", signer_kwargs=kwargs)
        self._hosts = URLSafeSerializer(secret, salt="crowdcue.host", signer_kwargs=kwargs)

    def issue(self, name: str | None = None) -> Member:
        """A new member, named as they wish or "Guest" and a number."""
        member = _new_id()
        name = name or guest_name(member)
        return Member(member, name, str(self._members.dumps([member, name])))

    def issue_nameless(self) -> str:
        """The token of a new member whose name is not known yet: a browser that was given its first page."""
        return str(self._members.dumps([_new_id(), ""]))

    def member(self, token: str) -> Member:
        """Who this token stands for. Raises `BadToken`."""
        known = self._known.get(token)
        if known is not None:
            return known
        try:
            if len(token) > MAX_TOKEN:
                raise BadToken
            member, name = self._members.loads(token)
        except (BadData, ValueError, TypeError) as error:
            raise BadToken from error
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()  # checking them anew costs less than remembering who came last
        self._known[token] = Member(member, name, token)
        return self._known[token]

    def anonymous(self, address: str) -> Member:
        """The member that callers of an open party's REST and gRPC share with their address."""
        return Member(f"anon:{address}", address, None)

    def host_token(self, code: str, generation: int) -> str:
        """The host token of a room; a later generation makes the earlier ones worthless."""
        return str(self._hosts.dumps([code, generation]))

    def is_host_token(self, token: str, code: str, generation: int) -> bool:
        """Whether this is the room's host token."""
        try:
            return len(token) <= MAX_TOKEN and self._hosts.loads(token) == [code, generation]
        except (BadData, ValueError):
            return False

    async def actor(
        self, room: LiveRoom, member: Member, host_token: str | None, *, player: bool = False
    ) -> Actor:
        """Who the member is in this room. A good host token makes them a host for good.

        Raises `BadToken` for a host token that is not this room's. May raise `live` errors of the claim as a refusal.
        """
        state = room.room
        if host_token is not None and not self.is_host_token(host_token, room.code, state.host_generation):
            raise BadToken("this host token is not of this party")
        known = state.members.get(member.id)
        name = (known.name if known is not None else "") or member.name or guest_name(member.id)
        if host_token is not None and not (known is not None and known.host):
            outcome = await room.do(Claim(member.id, NODE, None, name))
            if isinstance(outcome, Refused):
                raise ClaimFailed(outcome)
            log.info("%(member)s is a host of room %(room)s now", {"member": member.id, "room": room.code})
        rights = PLAYER if player else 0
        if self.everybody_hosts:
            rights |= HOST | UNLIMITED
        return Actor(member.id, name, rights)

    def is_host(self, room: LiveRoom, actor: Actor) -> bool:
        """Whether the actor has host rights in the room now."""
        known = room.room.members.get(actor.member)
        return bool(actor.rights & HOST) or (known is not None and known.host)


def _new_id() -> str:
    return "m" + secrets.token_hex(6)


def guest_name(member: str) -> str:
    """A name for a member who gave none; always the same."""
    return f"Guest {int(hashlib.sha256(member.encode()).hexdigest()[:8], 16) % 9000 + 1000}"


class ClaimFailed(Exception):
    """The room could not take the member in as a host; `refused` says why."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.message)
        self.refused = refused


def cookie_token(headers: Mapping[str, str]) -> str | None:
    """The member token in a request's cookie."""
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return morsel.value if morsel is not None and morsel.value else None


def bearer_token(headers: Mapping[str, str]) -> str | None:
    """The member token in a request's Authorization header."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def same_origin(headers: Mapping[str, str], public_url: str | None) -> bool:
    """Whether a request that may change something comes from our own pages, or not from a browser at all."""
    origin = headers.get("origin")
    if not origin:
        return True
    try:
        netloc = urlsplit(origin).netloc.lower()
    except ValueError:
        return False
    ours = {headers.get("host", "").lower()}
    if public_url:
        ours.add(urlsplit(public_url).netloc.lower())
    return bool(netloc) and netloc in ours
