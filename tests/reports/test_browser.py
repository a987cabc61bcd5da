"""The page in a real browser: it fits on narrow and wide screens, follows light and dark, and sorts."""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess

import numpy as np
import pytest

from commonwatt.reports.html import html_page

REQUIRED = os.environ.get("COMMONWATT_REQUIRE_BROWSER") == "1"
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip
NARROW, WIDE = (390, 844), (1400, 900)
PROBE = """
const seen = {errors: []};
addEventListener("securitypolicyviolation", (e) => seen.errors.push(e.violatedDirective + " " + e.blockedURI));
addEventListener("load", () => {
  const root = document.documentElement, table = document.querySelector("table.sortable");
  seen.inner = innerWidth; seen.scroll = root.scrollWidth;
  seen.dark = matchMedia("(prefers-color-scheme: dark)").matches;
  seen.background = getComputedStyle(document.body).backgroundColor;
  seen.fetched = performance.getEntriesByType("resource").map((r) => r.name);
  seen.figures = [...document.querySelectorAll("figure > svg")].map((f) => f.getBoundingClientRect().width);
  seen.small = Math.min(...[...document.querySelectorAll("figure > svg text")].map(
    (t) => parseFloat(getComputedStyle(t).fontSize) * t.ownerSVGElement.getBoundingClientRect().width / 440));
  seen.paints = [...document.querySelectorAll("figure > svg path")].filter(
    (p) => /var\\(/.test(p.getAttribute("style") || "")).every((p) => !getComputedStyle(p).fill.includes("var"));
  document.querySelectorAll("details").forEach((d) => d.open = true);
  seen.unfolded = root.scrollWidth;
  const column = [...table.tHead.rows[0].cells].findIndex((c) => c.textContent.startsWith("cost"));
  const values = () => [...table.tBodies[0].rows].map((r) => Number(r.cells[column].dataset.key));
  const head = table.tHead.rows[0].cells[column], button = head.querySelector("button");
  button.click(); seen.up = values(); seen.sort = head.getAttribute("aria-sort");
  button.click(); seen.down = values();
  const out = document.createElement("pre"); out.id = "seen"; out.textContent = JSON.stringify(seen);
  document.body.append(out);
});
"""


@pytest.fixture(scope="module")
def browser():
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not found and not REQUIRED:
        pytest.skip("no chromium, chromium-browser or google-chrome on the path")
    assert found, "COMMONWATT_REQUIRE_BROWSER=1, but there is no browser on the path"
    return found


@pytest.fixture(scope="module")
def page(small, tmp_path_factory):
    """The page with a probe that its own policy lets in."""
    digest = base64.b64encode(hashlib.sha256(PROBE.encode()).digest()).decode()
    text = html_page(small).replace("script-src ", f"script-src 'sha256-{digest}' ")
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(text.replace("</head>", f"<script>{PROBE}</script></head>"), encoding="utf-8")
    return path


def run(browser, page, folder, size, dark, *more):
    command = [
        browser, *FLAGS, f"--user-data-dir={folder / 'profile'}", f"--window-size={size[0]},{size[1]}",
        f"--blink-settings=preferredColorScheme={0 if dark else 1}", *more, page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    return done.stdout.decode(errors="replace")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])
def test_it_fits_follows_the_scheme_and_sorts(browser, page, tmp_path, size, dark):
    dom = run(browser, page, tmp_path, size, dark, "--dump-dom")
    found = re.search(r'<pre id="seen">(.*?)</pre>', dom, re.DOTALL)
    assert found, "the probe did not run"
    seen = json.loads(found[1].replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&"))
    assert seen["errors"] == []
    assert seen["fetched"] == []
    assert abs(seen["inner"] - size[0]) <= 120
    assert seen["scroll"] <= seen["inner"]
    assert seen["unfolded"] <= seen["inner"]
    assert seen["dark"] is dark
    red, green, blue = map(int, re.findall(r"\d+", seen["background"])[:3])
    assert (red + green + blue < 150) is dark
    assert len(seen["figures"]) >= 6
    assert all(0 < width <= seen["inner"] for width in seen["figures"])
    assert seen["small"] >= 8.5
    assert seen["paints"]
    assert seen["sort"] == "ascending"
    assert seen["up"] == sorted(seen["up"])
    assert seen["down"] == seen["up"][::-1] == sorted(seen["up"], reverse=True)


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])
def test_pictures_of_it_are_light_and_dark(browser, page, tmp_path, size):
    image = pytest.importorskip("matplotlib.image")
    brightness = []
    for dark in (False, True):
        shot = tmp_path / f"{dark}.png"
        run(browser, page, tmp_path / f"{dark}", size, dark, f"--screenshot={shot}")
        pixels = image.imread(shot)
        assert pixels.shape[:2] == (size[1], size[0])
        assert np.ptp(pixels[..., :3]) > 0.5
        brightness.append(float(pixels[..., :3].mean()))
    assert brightness[0] > 0.8
    assert brightness[1] < 0.3
