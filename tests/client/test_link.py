"""Addresses, backoff, close codes and the server's clock: the small pure parts of the client."""

from __future__ import annotations

import pytest

from crowdcue.client import BadMessage, BadToken, PartyOver, PinNeeded, Removed
from crowdcue.client.clock import ServerClock
from crowdcue.client.link import FIRST_PAUSE, LONGEST_PAUSE, Backoff, api_url, socket_url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://host:8080", "ws://host:8080/ws/MAIN?client=c1"),
        ("http://host:8080/", "ws://host:8080/ws/MAIN?client=c1"),
        ("https://host/party/", "wss://host/party/ws/MAIN?client=c1"),
        ("ws://[::1]:1", "ws://[::1]:1/ws/MAIN?client=c1"),
    ],
)
def test_the_socket_is_below_the_servers_address(url: str, expected: str) -> None:
    assert socket_url(url, "MAIN", "c1") == expected


def test_a_code_cannot_leave_its_place_in_the_path() -> None:
    assert socket_url("http://host", "a/../b?c", "c1") == "ws://host/ws/a%2F..%2Fb%3Fc?client=c1"


@pytest.mark.parametrize("url", ["", "host:8080", "ftp://host", "http://"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        socket_url(url, "MAIN", "c1")


def test_the_rest_face_is_below_it_too() -> None:
    assert api_url("wss://host/party", "search", "q=a") == "https://host/party/api/search?q=a"


@pytest.mark.parametrize(
    ("code", "error"), [(4400, BadMessage), (4403, Removed), (4404, PartyOver), (4423, PinNeeded)]
)
def test_final_codes_are_final(code: int, error: type[Exception]) -> None:
    with pytest.raises(error, match="because"):
        Backoff().after(code, "because")


def test_a_bad_token_is_dropped_once() -> None:
    backoff = Backoff()
    assert backoff.after(4401, "") == 0
    with pytest.raises(BadToken):
        backoff.after(4401, "")


def test_a_token_may_go_bad_again_after_it_worked() -> None:
    backoff = Backoff()
    backoff.after(4401, "")
    backoff.worked()
    assert backoff.after(4401, "") == 0


@pytest.mark.parametrize("code", [None, 1006, 1012, 4408, 4429, 4508])
def test_pauses_double_up_to_a_bound_and_begin_anew(code: int | None) -> None:
    backoff = Backoff()
    pauses = [backoff.after(code, "") for _ in range(12)]
    for number, pause in enumerate(pauses):
        most = min(FIRST_PAUSE * 2**number, LONGEST_PAUSE)
        assert most / 2 <= pause <= most
    assert pauses[-1] >= LONGEST_PAUSE / 2
    backoff.worked()
    assert backoff.after(code, "") <= FIRST_PAUSE


def test_no_two_clients_come_back_together() -> None:
    assert len({Backoff().after(1006, "") for _ in range(20)}) > 15


def test_a_draining_server_says_when_to_come_back() -> None:
    assert 2 < Backoff().after(4503, "2") <= 2 + FIRST_PAUSE
    assert Backoff().after(4503, "soon") <= FIRST_PAUSE
    assert Backoff().after(4503, "1e9") <= LONGEST_PAUSE + FIRST_PAUSE


def test_of_several_round_trips_the_shortest_is_believed() -> None:
    clock = ServerClock()
    clock.sample(10.0, 10.8, 5_000)  # 800 ms there and back: anything between may be true
    clock.sample(11.0, 11.02, 6_110)  # 20 ms
    clock.sample(12.0, 12.4, 7_400)
    assert clock.now(11.01) == pytest.approx(6_110)
    assert clock.now(21.01) == pytest.approx(16_110)


def test_old_round_trips_are_forgotten() -> None:
    clock = ServerClock()
    clock.sample(0.0, 0.001, 0)
    for second in range(1, 20):
        clock.sample(second, second + 0.01, second * 1000 + 100)
    assert clock.now(30) == pytest.approx(30_095)


def test_a_clock_that_was_set_is_believed_at_once() -> None:
    clock = ServerClock()
    clock.sample(1.0, 1.001, 1_000)
    clock.sample(2.0, 2.4, 2_000 + 3_600_000)  # slower than what is known, and yet not to be doubted
    assert clock.now(2.2) == pytest.approx(3_602_000)
    clock.sample(3.0, 3.4, 3_300 + 3_600_000)
    clock.sample(4.0, 4.4, 4_010)
    assert clock.now(4.2) == pytest.approx(4_010)
