"""What people type, and what they find."""

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcue.music.fold import fold, index_words
from crowdcue.music.search import MAX_RESULTS, SearchIndex
from crowdcue.music.song import LibrarySong

ANYTHING = st.text(st.characters(blacklist_categories=[]), max_size=40)


def song(title: str, artist: str = "Somebody", album: str | None = None) -> LibrarySong:
    return LibrarySong(f"id:{title}:{artist}", title, artist, 1000, album, "audio/mpeg", False)


PARTY = SearchIndex(
    [
        song("Waterloo", "ABBA", "Waterloo"),
        song("Dancing Queen", "ABBA", "Arrival"),
        song("Queen of Hearts", "Juice Newton"),
        song("Bohemian Rhapsody", "Queen", "A Night at the Opera"),
        song("Killer Queen", "Queen"),
        song("Jóga", "Björk", "Homogenic"),
        song("Straße nach Süden", "Die Größten"),
        song("Smørrebrød", "Łódź Øre"),
        song("Enter Sandman", "Metallica"),
        song("Thunderstruck", "AC/DC"),
        song("So What", "P!nk"),
        song("Don’t Stop Me Now", "Queen"),
        song("東京の夜", "椎名林檎"),
        song("เพลงรัก", "ศิลปิน"),
        song("Вечер", "Кино"),
        song("שלום", "עידן"),
        song("Party 🎉 Time", "DJ"),
        song("Love"),
        song("Love Me Do", "The Beatles"),
        song("Lovely Day", "Bill Withers"),
        song("<script>alert(1)</script>", "O'Hara"),
    ]
)


def titles(query: str, limit: int = 20) -> list[str]:
    return [song.title for song in PARTY.search(query, limit)]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("waterloo", "Waterloo"),
        ("WATER", "Waterloo"),
        ("abba water", "Waterloo"),
        ("waterloo abba", "Waterloo"),
        ("bjork", "Jóga"),
        ("joga", "Jóga"),
        ("strasse", "Straße nach Süden"),
        ("STRAßE", "Straße nach Süden"),
        ("smorrebrod", "Smørrebrød"),
        ("lodz", "Smørrebrød"),
        ("metalica", "Enter Sandman"),
        ("mettalica", "Enter Sandman"),
        ("emter sandmam", "Enter Sandman"),
        ("sandman metall", "Enter Sandman"),
        ("wtaerloo", "Waterloo"),
        ("rapsody bohemain", "Bohemian Rhapsody"),
        ("thundertsr", "Thunderstruck"),
        ("acdc", "Thunderstruck"),
        ("ac/dc", "Thunderstruck"),
        ("pink", "So What"),
        ("dont stop", "Don’t Stop Me Now"),
        ("don't stop", "Don’t Stop Me Now"),
        ("東京", "東京の夜"),
        ("京の夜", "東京の夜"),
        ("夜", "東京の夜"),
        ("林檎", "東京の夜"),
        ("รัก", "เพลงรัก"),
        ("вечер", "Вечер"),
        ("веч", "Вечер"),
        ("שלום", "שלום"),
        ("🎉", "Party 🎉 Time"),
        ("love", "Love"),
        ("love m", "Love Me Do"),
        ("lovel", "Lovely Day"),
        ("script", "<script>alert(1)</script>"),
        ("ohara", "<script>alert(1)</script>"),
        ("night opera", "Bohemian Rhapsody"),
    ],
)
def test_people_find_what_they_mean(query: str, first: str) -> None:
    assert titles(query)[:1] == [first]


def test_the_order_is_exact_then_prefix_then_misspelt_and_title_before_artist_before_album() -> None:
    index = SearchIndex(
        [
            song("one mango", "x"),
            song("two", "mango fruit"),
            song("three", "x", "mango album"),
            song("four mangoes", "x"),
            song("five mengo", "x"),
        ]
    )
    assert [hit.title for hit in index.search("mango", 9)] == ["one mango", "two", "three", "four mangoes"]
    assert [hit.title for hit in index.search("mamgo", 9)][:1] == ["one mango"], "misspelt"


def test_a_whole_title_comes_first_and_a_whole_artist_next() -> None:
    found = titles("queen")
    assert (
        found[:3] == ["Bohemian Rhapsody", "Don’t Stop Me Now", "Killer Queen"] or found[0] == "Killer Queen"
    )
    assert set(found[:3]) == {"Bohemian Rhapsody", "Don’t Stop Me Now", "Killer Queen"}
    assert set(found[3:5]) == {"Queen of Hearts", "Dancing Queen"}


def test_every_word_must_match_unless_that_finds_nothing() -> None:
    assert titles("abba waterloo") == ["Waterloo"]
    assert titles("waterloo official video 1974")[:1] == [] or titles("waterloo video")[:1] == ["Waterloo"]
    assert titles("waterloo xyzzyx")[:1] == ["Waterloo"]
    assert titles("xyzzyx plughplugh") == []


def test_short_words_must_be_right() -> None:
    assert "Jóga" not in titles("jab")


def test_an_empty_query_lists_by_title() -> None:
    everything = titles("", 100)
    assert len(everything) == len(PARTY)
    assert everything == titles("  \t ", 100) == titles("?!", 100)
    assert everything.index("Dancing Queen") < everything.index("Jóga") < everything.index("Waterloo")


def test_the_limit_holds() -> None:
    assert len(titles("", 3)) == 3
    assert titles("queen", 0) == []
    assert titles("queen", -5) == []
    assert (
        len(SearchIndex([song(f"a{n}") for n in range(MAX_RESULTS + 50)]).search("a", 10**9)) == MAX_RESULTS
    )


def test_an_empty_library_finds_nothing() -> None:
    assert SearchIndex([]).search("x", 5) == []
    assert SearchIndex([]).search("", 5) == []


@settings(max_examples=300)
@given(ANYTHING, st.integers(-1, 100))
def test_no_text_breaks_the_search(query: str, limit: int) -> None:
    assert len(PARTY.search(query, limit)) <= max(0, limit)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(ANYTHING, ANYTHING, ANYTHING), max_size=6), st.data())
def test_every_song_is_found_by_its_own_title(texts: list[tuple[str, str, str]], data: st.DataObject) -> None:
    index = SearchIndex([song(*text) for text in texts])
    for title, artist, album in texts:
        if fold(title):
            assert song(title, artist, album) in index.search(title, 100)


@given(ANYTHING)
def test_folding_is_stable_and_bounded(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert len(fold(text * 500)) <= 3_000
    assert all(index_words(text))


def big_library(count: int, vocabulary: int) -> list[LibrarySong]:
    rng = random.Random(7)
    letters = "eeeaaoinrstlhdcumpgbfywkv"
    words = ["".join(rng.choices(letters, k=rng.randint(2, 11))) for _ in range(vocabulary)]
    weights = [1 / (n + 5) for n in range(vocabulary)]  # a few words everywhere, most of them rare
    artists = [" ".join(rng.choices(words, k=2)).title() for _ in range(count // 8)]
    albums = [" ".join(rng.choices(words, k=3)).title() for _ in range(count // 5)]
    chosen = rng.choices(words, weights, k=count * 4)
    return [
        LibrarySong(f"s{n}", " ".join(chosen[n * 4 : n * 4 + rng.randint(1, 4)]), rng.choice(artists), 1000,
                    rng.choice(albums), "audio/mpeg", False)
        for n in range(count)
    ]  # fmt: skip


def test_fifty_thousand_songs_are_searched_within_20_ms_of_cpu() -> None:
    songs = big_library(50_000, 60_000)
    began = time.process_time()
    index = SearchIndex(songs)
    built = time.process_time() - began
    assert built < 6.0, "about one second; the bound is 3, with a margin of two for a busy machine"
    title = max((song.title for song in songs[:500]), key=len)
    queries = [
        "", "e", "a", "s", "th", "ea", songs[5].title, songs[5].title[:-1], title + " " + songs[9].artist,
        title.replace(title[2], "q", 1), "eaeaeaea", "zzzzzzzzzzzz", "eaoinrst", "qqqq", "e" * 200,
        " ".join(song.title[1:] for song in songs[:60])[:200], " ".join("eaoinrstlhdc"), "東京", "🎉" * 100,
    ]  # fmt: skip
    slow = {}
    for query in queries:
        costs = []
        for _ in range(3):
            began = time.process_time()
            index.search(query, 50)
            costs.append(time.process_time() - began)
        slow[query] = min(costs)
    assert max(slow.values()) < 0.040, {query: cost for query, cost in slow.items() if cost > 0.02}
