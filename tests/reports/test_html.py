"""The page is sound HTML, asks for nothing outside, and says what the numbers say."""

import itertools
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import yaml

from commonwatt.reports import _answer, _ranking, _words, figures, html
from commonwatt.reports._view import View
from commonwatt.reports.html import html_page
from commonwatt.scenario import Study, validated

VOID = {"meta", "link", "br", "img", "hr", "input", "col"}
HOSTILE = ("<script>alert(1)</script>", '" onmouseover="x', "$\\frac{1}{0$", "&amp;", "Ω ✓ 名前")


class Page(HTMLParser):
    """Collects what a test asks about, and refuses tags that do not match."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs), tuple(self.open)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs), tuple(self.open)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.text.append(data)

    def all(self, tag):
        return [attrs for name, attrs, _ in self.tags if name == tag]

    @property
    def words(self):
        return re.sub(r"\s+", " ", " ".join(self.text))


@pytest.fixture(scope="module")
def page(small):
    return Page(html_page(small))


def test_one_heading_and_no_level_left_out(page):
    levels = [int(tag[1]) for tag, _, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in itertools.pairwise(levels))


def test_head_says_language_title_and_viewport(page):
    assert page.all("html")[0]["lang"] == "en"
    assert any(meta.get("name") == "viewport" for meta in page.all("meta"))
    assert "small" in page.words


def test_every_picture_has_words_or_is_decoration(page):
    pictures = page.all("svg") + page.all("img")
    assert sum("aria-label" in p for p in pictures) >= 6
    assert all(p.get("aria-label") or p.get("aria-hidden") == "true" for p in pictures)


def test_nothing_is_fetched(page, small):
    for tag, attrs, _ in page.tags:
        assert tag not in {"link", "iframe", "object", "embed", "img"}
        for name in ("src", "href", "data", "action", "xlink:href"):
            assert attrs.get(name, "#").startswith("#")
    text = html_page(small)
    assert not re.search(r"https?:|@import|url\((?!#)", text)
    assert "default-src 'none'" in text


def test_identifiers_are_unique_and_links_lead_somewhere(page):
    names = [attrs["id"] for _, attrs, _ in page.tags if "id" in attrs]
    assert len(names) == len(set(names))
    targets = {a["href"][1:] for a in page.all("a") + page.all("use")}
    assert targets <= set(names)


def test_tables_scroll_within_themselves_and_name_their_cells(page):
    tables = [(attrs, path) for tag, attrs, path in page.tags if tag == "table"]
    assert len(page.all("caption")) == len(tables) > 3
    assert all(path[-1] == "div" for _, path in tables)
    regions = [d for d in page.all("div") if d.get("role") == "region"]
    assert len(regions) == len(tables)
    assert all(d["tabindex"] == "0" and d["aria-label"] for d in regions)
    assert all(th.get("scope") in {"col", "row"} for th in page.all("th"))


def test_hostile_names_stay_text(small, renamed):
    results = renamed(replace(small, title="</title><script>x</script>"), HOSTILE)
    text = html_page(results)
    page = Page(text)
    assert len(page.all("script")) == 1
    assert "<script>alert" not in text
    assert "<script>x" not in text
    assert not any("onmouseover" in attrs for _, attrs, _ in page.tags)
    assert all(name in page.words for name in HOSTILE[:1] + HOSTILE[3:])


def test_the_same_results_give_the_same_bytes(small):
    assert html_page(small) == html_page(replace(small, seconds=99.0))


def test_every_row_says_its_world_and_rank_starts_anew(small):
    view = View(small)
    assert small.worlds == ("one_meter", "own_meters")
    for world in small.worlds:
        table = Page(_ranking.ranking(view, world))
        rows = len(small.ranked(world)) + 4
        assert table.words.count("one meter") + table.words.count("own meters") + table.words.count("both") == rows
        assert _words.WORLDS[world] in table.words
        assert {_words.WORLDS[w] for w in small.worlds} - {_words.WORLDS[world]} != set()
        assert view.ranked(world)[0].row.rank == 1


def test_the_answer_is_computed(small):
    view = View(small)
    best = view.ranked("one_meter")[0]
    first, *rest = _answer.verdict(view, "one_meter")
    assert _words.sentence(best.rule) in first
    assert _words.number(best.run.metrics["fairness"]) in first
    assert _words.money(best.run.metrics["total_cost"]) in rest[0]
    assert _words.money(view.reference(best).run.metrics["total_cost"]) in rest[0]


def test_losers_are_named(small):
    view = View(small)
    losing = [x for x in view.ranked("one_meter") if x.losing()]
    assert losing
    words = Page(_ranking.losers(view, "one_meter")).words
    worst = min(losing, key=lambda x: x.run.savings.min())
    assert worst.run.facts.community.names[int(np.argmin(worst.run.savings))] in words
    assert _words.money(-worst.run.savings.min()) in words


def test_a_deficit_is_told_in_words(settlement):
    [sentence] = _answer.operator(View(settlement))
    assert "171.96 INR less than the grid charges" in sentence
    assert "33 %" in sentence
    assert sentence in Page(html_page(settlement)).words


def test_without_the_extra_tables_stay_and_one_line_says_what_figures_need(small, monkeypatch):
    monkeypatch.setattr(figures, "available", lambda: False)
    page = Page(html_page(small))
    assert not page.all("figure")
    assert "pip install 'commonwatt[reports]'" in page.words
    assert len(page.all("table")) > 3


def test_the_study_can_be_taken_from_the_page(settlement):
    code = re.findall(r"<code>(kind: study.*?)</code>", html_page(settlement), re.DOTALL)
    from html import unescape

    again = validated(yaml.safe_load(unescape(code[0])), Study)
    assert {n: s.identity() for n, s in again.scenarios().items()} == {
        name: run.identity for name, run in settlement.runs.items()
    }


def test_warnings_stand_apart_from_notes(small, monkeypatch):
    lines = ("warning: home <1>: odd (rule)", "info: community: fine (rule)")
    monkeypatch.setattr(type(small), "findings", lines)
    text = html_page(small)
    assert re.search(r'class="box warn"><h2>Check the data first</h2><ul><li>warning: home &lt;1&gt;', text)
    assert "<li>community: fine (rule)</li>" in text


def test_only_references_or_one_run_make_a_page_too(make):
    for markets in (("none",), ("mid_market_rate",)):
        page = Page(html_page(make(tariffs=("flat",), markets=markets, days=1)))
        assert len(page.all("h1")) == 1
        assert page.all("table")


def test_many_members_make_a_cloud_and_a_short_table(make, monkeypatch):
    monkeypatch.setattr(_ranking, "MOST_MEMBERS", 20)
    results = make(members=40, tariffs=("flat",))
    page = Page(html_page(results))
    assert "One dot per member" in page.words
    assert "20 more are left out" in page.words


def colours(dark):
    css = (html.FOLDER / "page.css").read_text(encoding="utf-8")
    light_, dark_ = (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", b)) for b in re.findall(r":root \{(.*?)\}", css, re.S)[:2]
    )
    return dark_ if dark else light_


def contrast(a, b):
    def luminance(colour):
        c = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
        return float(np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722])

    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_contrast_is_enough_for_everybody(dark):
    c = colours(dark)
    assert len(c) == len(colours(not dark))
    for ground in ("surface", "page", "sunken"):
        for text in ("ink", "muted", "accent", "good", "bad"):
            assert contrast(c[text], c[ground]) >= 4.5
    for mark in ("load", "pv", "warn-line", *(f"m{k}" for k in range(9))):
        assert contrast(c[mark], c["surface"]) >= 3
    assert contrast(c["ink"], c["warn"]) >= 4.5


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234.5, "1,234.50"),
        (-0.001, "0.00"),
        (-3.456, "−3.46"),
        (float("nan"), "–"),
        (123456.7, "123,457"),
        (0.0, "0.00"),
    ],
)
def test_money_reads_well(value, text):
    assert _words.money(value) == text


def test_words_agree_with_their_number():
    assert [_words.plural(k, "device") for k in (0, 1, 2000)] == ["no devices", "1 device", "2,000 devices"]
    assert _words.plural(2, "dispatch") == "2 dispatches"
    assert _words.listed(["a"]) == "a"
    assert _words.listed(["a", "b", "c"]) == "a, b and c"
