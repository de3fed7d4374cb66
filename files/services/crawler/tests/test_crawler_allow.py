"""Where the crawler may go."""

from __future__ import annotations

import pytest
from crawler import addresses, urls
from crawler.allow import Allow


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254",
        "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1",
        "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1",
        "255.255.255.255",
        "::", "::1", "::7f00:1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1",
        "ff02::1", "ff0e::1", "2001:db8::1", "2001::1", "3fff::1", "5f00::1", "100::1",
        "64:ff9b:1::1",
        # private IPv4 in IPv6's clothes: mapped, 6to4, NAT64
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:224.0.0.1",
        "2002:7f00:1::", "2002:a00:1::1", "2002:c0a8:101::1", "2002:a9fe:a9fe::1",
        "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::c0a8:101",
    ],
)
def test_is_not_public(text):
    """Each is refused by itself, and with every list empty."""
    address = addresses.parse(text)
    assert not addresses.is_public(address)
    allow = Allow.of(["example.org"], [])
    assert "CRAWLER_ALLOWED_PRIVATE" in (
        allow.why_not_address(urls.parse("http://example.org/"), address) or ""
    ) or addresses.is_never(address)


@pytest.mark.parametrize(
    "text",
    ["1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "198.20.0.1", "2606:4700::1111",
     "2a00:1450:4001::1", "::ffff:1.1.1.1", "64:ff9b::101:101"],
)
def test_is_public(text):
    assert addresses.is_public(addresses.parse(text))


@pytest.mark.parametrize("text", ["224.0.0.1", "ff02::1", "0.0.0.0", "::", "::ffff:0.0.0.0"])
def test_no_list_allows_what_no_machine_has(text):
    allow = Allow.of(["example.org"], ["example.org", "0.0.0.0/0", "::/0"])
    reason = allow.why_not_address(urls.parse("http://example.org/"), addresses.parse(text))
    assert reason and text.split("%")[0].split(":")[0] in reason


@pytest.mark.parametrize(
    ("domains", "url", "allowed"),
    [
        ([], "https://example.org/", False),
        (["example.org"], "https://example.org/", True),
        (["example.org"], "http://www.example.org/a?b=c", True),
        (["example.org"], "http://WWW.Example.ORG./", True),
        (["Example.org."], "http://example.org/", True),
        (["example.org"], "https://notexample.org/", False),
        (["example.org"], "https://example.org.evil.test/", False),
        (["www.example.org"], "https://example.org/", False),
        (["example.org"], "https://example.org:8443/", False),
        (["example.org"], "https://example.org:80/", True),
        (["example.org:8443"], "https://example.org:8443/", True),
        (["example.org:8443"], "https://example.org/", False),
        (["bücher.example"], "https://xn--bcher-kva.example/", True),
        (["10.0.0.1"], "http://10.0.0.1/", True),
        (["[::1]:8080"], "http://[::1]:8080/", True),
        (["::1"], "http://[::1]/", True),
    ],
)
def test_domains(domains, url, allowed):
    reason = Allow.of(domains, []).why_not_site(urls.parse(url))
    assert (reason is None) is allowed
    assert allowed or "CRAWLER_ALLOWED_DOMAINS" in reason


@pytest.mark.parametrize(
    ("private", "allowed"),
    [
        ([], False), (["nas.lan"], True), (["nas.lan:80"], True), (["nas.lan:81"], False),
        (["lan"], False), (["10.0.0.0/8"], True), (["10.0.0.5"], True), (["10.0.0.6"], False),
        (["192.168.0.0/16"], False),
    ],
)
def test_private_addresses_only_of_listed_hosts_and_networks(private, allowed):
    allow = Allow.of(["lan"], private)
    url = urls.parse("http://nas.lan/")
    for text in ("10.0.0.5", "::ffff:10.0.0.5"):
        assert (allow.why_not_address(url, addresses.parse(text)) is None) is allowed


@pytest.mark.parametrize("entry", ["https://example.org", "exa mple", "example.org/path", "a:b"])
def test_a_wrong_entry_ends_the_program(entry):
    with pytest.raises(SystemExit, match="CRAWLER_ALLOWED_DOMAINS has"):
        Allow.of([entry], [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HTTP://Example.org", "http://example.org/"),
        ("http://example.org:80/a#part", "http://example.org/a"),
        ("https://example.org:443", "https://example.org/"),
        ("http://example.org/a b".replace(" ", "%20"), "http://example.org/a%20b"),
        ("http://example.org/ü?q=ß", "http://example.org/%C3%BC?q=%C3%9F"),
        ("http://[2606:4700:0::1]/", "http://[2606:4700::1]/"),
        ("http://example.org?x=1?2", "http://example.org/?x=1?2"),
    ],
)
def test_one_form(text, expected):
    assert str(urls.parse(text)) == expected
    assert str(urls.parse(expected)) == expected


@pytest.mark.parametrize(
    "text",
    ["ftp://example.org/", "file:///etc/passwd", "gopher://example.org", "javascript:1",
     "example.org", "http://", "http://user@example.org/", "http://u:p@example.org/",
     "http://example.org:0/", "http://example.org:99999/", "http://example.org:x/",
     "http://exa mple.org/", "http://example.org/\r\nX: y", "http://[::1/", "http://a%2eb/",
     "http://example.org/" + "a" * 5000],
)
def test_bad_urls(text):
    with pytest.raises(urls.BadUrl):
        urls.parse(text)
