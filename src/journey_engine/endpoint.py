"""Where a webhook goes: its URL in parts, and which addresses must not be called.

An address is judged after its name was resolved, and the call goes to the very address that was judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

# What the registries of IANA set aside, written out: what Python takes for public differs from release to release.
_NOT_PUBLIC = tuple(
    (ip_network(network), word)
    for network, word in (
        ("0.0.0.0/8", "reserved"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "provider's own"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "metadata"),  # the one public address at which a cloud keeps a machine's secrets
        ("169.254.0.0/16", "link-local or metadata"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "reserved"),
        ("192.88.99.0/24", "reserved"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "private"),
        ("198.51.100.0/24", "reserved"),
        ("203.0.113.0/24", "reserved"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        ("2001::/23", "reserved"),
        ("2001:db8::/32", "reserved"),
        ("2002::/16", "reserved"),
        ("3fff::/20", "reserved"),
    )
)
_PUBLIC_IPV6 = ip_network("2000::/3")
_INSIDE_IPV6 = tuple(
    (ip_network(network), word)
    for network, word in (
        ("::1/128", "loopback"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("ff00::/8", "multicast"),
    )
)
_LEADS_TO_IPV4 = (ip_network("::ffff:0:0/96"), ip_network("64:ff9b::/96"))


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint's URL in parts; `path` has the query too."""

    tls: bool
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, url: str) -> Target:
        """Read a URL. Raises ValueError with a sentence for people, which does not show what may be secret in it."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("a webhook's `url` begins with https:// and a host, such as https://crm.example.com/hooks")
        if parts.username is not None or parts.password is not None:
            raise ValueError("a name or password does not belong in `url`: the receiver knows us by the signature")
        if parts.fragment:
            raise ValueError("the part of `url` from '#' on is never sent; leave it out")
        try:
            port = parts.port or (443 if parts.scheme == "https" else 80)
            host = parts.hostname.encode("idna").decode("ascii")
        except ValueError:  # UnicodeError is one
            raise ValueError("the host or port in `url` cannot be read") from None
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if not path.isascii() or not path.isprintable() or " " in path:
            raise ValueError("`url` holds signs that no address may hold; write them as % and two digits")
        return cls(parts.scheme == "https", host, port, path)

    @property
    def shown(self) -> str:
        """The host as messages call it: a path or a query may hold a key."""
        return f"{self.host}:{self.port}"

    @property
    def header(self) -> str:
        """What stands in the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


def mistake(url: str, allow_private: bool) -> str | None:
    """What is wrong with an endpoint's URL, as far as it can be told before its name is resolved."""
    try:
        target = Target.of(url)
    except ValueError as error:
        return str(error)
    if allow_private:
        return None
    if not target.tls:
        return "a webhook goes over https; in your own network write `allow_private: true` beside it"
    try:
        why = forbidden(target.host)
    except ValueError:  # a name
        why = "loopback" if target.host == "localhost" or target.host.endswith(".localhost") else None
    return (
        f"'{target.host}' is a {why} address; write `allow_private: true` beside it if that is meant" if why else None
    )


def forbidden(address: str) -> str | None:
    """Why an IP address must not be called, in a word; None for a public one. Raises ValueError for no address."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        if any(found in network for network in _LEADS_TO_IPV4):
            found = IPv4Address(int(found) & 0xFFFFFFFF)
        elif found not in _PUBLIC_IPV6:
            return next((word for network, word in _INSIDE_IPV6 if found in network), "reserved")
    return next((word for network, word in _NOT_PUBLIC if found in network), None)
