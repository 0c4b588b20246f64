"""The page in a real browser: what its script does, that nothing leaves it, and that hostile words stay words."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import pytest
from command import guardrail
from hostile import hostile_repository
from verdicts import FETCH, FULL, LOST, PAY, PLAIN, RICH, TIMING, VERIFY, VERIFY_SENDS, WEAK, decided

from guardrail.drafted import Provenance
from guardrail.model import FileChange
from guardrail.report.html import render

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
EVERY_KIND = "@guard\nclass Pay:\n    async def pay(self, n=12):  # why\n        return len('text') if n is not None else 1.5\n"
CHANGED = replace(LOST, path="pay.py", line=3, column=5, end_column=14, notes=(replace(LOST.notes[0], path="pay.py"),))
SHOWN = replace(
    RICH,
    decisions=(*RICH.decisions, decided(TIMING), decided(WEAK), decided(replace(CHANGED, rule="XYZ001", severity="P2"))),
    placements=(PAY, FETCH, VERIFY, VERIFY_SENDS, PLAIN),
    sources={**RICH.sources, **FULL.sources, "pay.py": EVERY_KIND},
    base_sources={**RICH.base_sources, "pay.py": EVERY_KIND.replace("12", "15")},
    files=(*RICH.files, FileChange("pay.py", "pay.py", frozenset(range(1, 6)), frozenset(range(1, 6)))),
    provenance=Provenance({"shop/rates.py": frozenset({5})}, 2),
)


@pytest.fixture(scope="module")
def browser():
    """Chromium; the tests are skipped, with the reason, where there is none."""
    from playwright.sync_api import Error, sync_playwright

    found = os.environ.get("GUARDRAIL_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    with sync_playwright() as started:
        try:
            chromium = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        except Error as error:
            pytest.skip(f"no browser: {str(error).splitlines()[0]}; install chromium, or name one in GUARDRAIL_CHROMIUM")
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, tmp_path):
    """Opens a page from its file; whatever it asks for, says or shows is kept, and must be nothing but the page."""
    trouble, contexts = [], []

    def go(made, **options):
        (tmp_path / "page.html").write_text(made, encoding="utf-8")
        url = (tmp_path / "page.html").as_uri()
        context = browser.new_context(viewport={"width": 1200, "height": 800}, **options)
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: trouble.append(f"console: {message.text}"))
        tab.on("pageerror", lambda error: trouble.append(f"error: {error}"))
        tab.on("dialog", lambda dialog: (trouble.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        tab.on("request", lambda request: request.url.split("#")[0] == url or trouble.append(f"request: {request.url}"))
        tab.goto(url)
        return tab

    yield go
    for context in contexts:
        context.close()
    assert trouble == []


def seen(tab):
    """The rules of the findings that are to be seen."""
    return [tag.text_content() for tag in tab.locator(".finding:visible .meta .tag b").all()]


def press(tab, *names):
    """Press the switches of these names."""
    for name in names:
        tab.locator(f'.switch[data-value="{name}"]').click()


def test_a_filter_leaves_what_it_names_and_all_come_back(visit):
    tab = visit(render(SHOWN))
    everything = seen(tab)
    assert sorted(everything) == ["ASY001", "AUT010", "NET004", "TIM001", "XYZ001"]
    press(tab, "P0")
    assert sorted(seen(tab)) == ["AUT010", "TIM001"]
    assert tab.locator("#count").inner_text() == "2 of 5 findings"
    press(tab, "P2")
    assert sorted(seen(tab)) == ["AUT010", "NET004", "TIM001", "XYZ001"]
    tab.get_by_role("button", name="Show all").click()
    assert seen(tab) == everything


def test_filters_of_several_kinds_narrow_one_another(visit):
    tab = visit(render(SHOWN))
    press(tab, "network")
    assert sorted(seen(tab)) == ["ASY001", "NET004"]
    press(tab, "assistant")
    assert seen(tab) == ["ASY001"]
    press(tab, "P0")
    assert seen(tab) == []
    assert tab.locator("#none").is_visible()


def test_a_filter_dims_the_map_and_shortens_the_list(visit):
    tab = visit(render(SHOWN))
    press(tab, "use-freely")
    assert tab.locator(".cell:not(.dim)").count() == 1
    assert tab.locator(".definition:visible").count() == 1
    assert tab.locator("section.tier:visible").count() == 1


def test_keys_move_from_finding_to_finding(visit):
    tab = visit(render(SHOWN))
    focused = []
    for key in ("j", "j", "k", "k", "k"):
        tab.keyboard.press(key)
        focused.append(tab.evaluate("document.activeElement.id"))
    assert focused == ["finding-0", "finding-1", "finding-0", "finding-0", "finding-0"]


def test_what_is_gone_to_is_not_below_the_bar(visit):
    tab = visit(render(SHOWN), reduced_motion="reduce")
    for _ in range(3):
        tab.keyboard.press("j")
    bar, finding = (tab.locator(which).bounding_box() for which in ("#filters", "#finding-2"))
    assert bar["y"] + bar["height"] <= finding["y"] < 800


def test_keys_skip_what_is_filtered_away(visit):
    tab = visit(render(SHOWN))
    press(tab, "P1")
    tab.keyboard.press("j")
    assert tab.locator("#" + tab.evaluate("document.activeElement.id")).get_attribute("data-severity") == "P1"


def test_the_map_is_one_stop_and_arrows_move_on_it(visit):
    tab = visit(render(SHOWN))
    tab.keyboard.press("m")
    first = tab.evaluate("document.activeElement.id")
    tab.keyboard.press("ArrowRight")
    second = tab.evaluate("document.activeElement.id")
    tab.keyboard.press("Enter")
    opened = tab.locator(".definition[open]")
    assert first.startswith("cell-")
    assert second.startswith("cell-")
    assert first != second
    assert opened.get_attribute("id") == second.replace("cell", "def")
    assert tab.locator('.cell[tabindex="0"]').count() == 1


def test_a_definition_leads_to_its_findings_and_back(visit):
    tab = visit(render(SHOWN))
    tab.locator("#finding-0 .meta a").click()
    tab.locator(".definition[open] .meta a").first.click()
    assert tab.evaluate("document.activeElement.id") == "finding-0"


def test_help_opens_and_closes(visit):
    tab = visit(render(SHOWN))
    tab.keyboard.press("?")
    assert tab.get_by_role("dialog").is_visible()
    tab.keyboard.press("j")
    assert tab.evaluate("document.activeElement.closest('.finding')") is None
    tab.keyboard.press("Escape")
    assert not tab.locator("#keys").is_visible()


COLOUR = "getComputedStyle(document.body).backgroundColor"


def test_light_and_dark_follow_the_system_and_the_button(visit):
    light, dark = (visit(render(SHOWN), color_scheme=scheme) for scheme in ("light", "dark"))
    colours = light.evaluate(COLOUR), dark.evaluate(COLOUR)
    assert colours[0] != colours[1]
    light.get_by_role("button", name="Dark").click()
    dark.keyboard.press("t")
    assert (light.evaluate(COLOUR), dark.evaluate(COLOUR)) == colours[::-1]


# relative luminance and contrast as WCAG 2 defines them, for every element that holds words of its own
CONTRAST = """() => {
  const parse = (c) => (c.match(/[\\d.]+/g) ?? []).map(Number);
  const channel = (v) => ((v /= 255), v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const over = (top, under) => { const a = top[3] ?? 1; return [0, 1, 2].map((i) => top[i] * a + under[i] * (1 - a)); };
  const ground = (e) => e ? over(parse(getComputedStyle(e).backgroundColor), ground(e.parentElement)) : [255, 255, 255];
  const bad = [];
  for (const e of document.body.querySelectorAll("*")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || e.closest("script, .said, caption, [hidden], dialog, button:disabled, .skip") || !e.checkVisibility()) continue;
    const back = ground(e), front = over(parse(getComputedStyle(e).color), back);
    const [x, y] = [light(front), light(back)].sort((p, q) => q - p);
    const ratio = (x + 0.05) / (y + 0.05);
    if (ratio < 4.5) bad.push(`${e.tagName}.${e.className} ${e.textContent.trim().slice(0, 30)} ${ratio.toFixed(2)}`);
  }
  return bad;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_their_ground(scheme, visit):
    tab = visit(render(SHOWN), color_scheme=scheme)
    press(tab, "P0", "P1", "P2")
    for summary in tab.locator("main summary:visible").all():
        summary.click()
    assert tab.evaluate(CONTRAST) == []


def test_a_phone_shows_all_without_scrolling_sideways(visit):
    tab = visit(render(SHOWN))
    tab.set_viewport_size({"width": 360, "height": 700})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    assert tab.locator(".lost:visible").first.is_visible()
    assert tab.locator(".cell:visible").count() == 4


def test_everything_can_be_read_without_a_script(visit):
    tab = visit(render(SHOWN), java_script_enabled=False)
    assert len(seen(tab)) == 5
    assert not tab.locator("#filters").is_visible()
    assert not tab.get_by_role("button", name="Keys").is_visible()


def test_the_page_has_names_for_those_who_hear_it(visit):
    tab = visit(render(SHOWN))
    assert tab.get_by_role("navigation", name="Filters").count() == 1
    assert tab.get_by_role("main").count() == 1
    assert tab.get_by_role("heading", level=1).count() == 1
    assert tab.get_by_role("article").count() == 5
    assert tab.get_by_role("article", name="@login_required is gone from pay").count() == 2
    assert tab.get_by_role("list", name="The way through the calls").count() == 1
    assert tab.evaluate("[...document.querySelectorAll('button, a')].filter((e) => !e.textContent.trim()).length") == 0
    assert tab.evaluate(
        "document.querySelectorAll('[id]').length === new Set([...document.querySelectorAll('[id]')].map((e) => e.id)).size"
    )


def test_a_hostile_repository_stays_text(visit, tmp_path):
    repo = hostile_repository(tmp_path / "repo")
    guardrail("check", f"--output=html={tmp_path / 'hostile.html'}", cwd=repo.root)
    tab = visit((tmp_path / "hostile.html").read_text("utf-8"))
    assert tab.evaluate("window.broken") is None
    assert tab.locator("script").count() == 1
    assert tab.locator("img, iframe, object, embed, form:not([method=dialog])").count() == 0
    assert tab.locator("text=<script>window.broken=1").count() > 0
    press(tab, "P0")
    tab.keyboard.press("j")
    assert tab.evaluate("document.activeElement.id") == "finding-0"
    tab.set_viewport_size({"width": 360, "height": 700})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
