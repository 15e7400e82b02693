"""The live demo in a real browser: Chromium without a screen, a made camera, a watched network."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from estimator import PoseEstimator, pictures

from . import film, site_server

webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
from selenium.webdriver.common.by import By  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"
CHROMIUM, DRIVER, NODE = (shutil.which(name) for name in ("chromium", "chromedriver", "node"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (CHROMIUM and DRIVER and NODE), reason="needs Chromium, its driver and Node"
    ),
]
# What Chromium asks by itself, whatever page is shown.
BROWSERS_OWN = {
    *("accounts.google.com", "clients2.google.com", "update.googleapis.com", "www.google.com"),
    *("optimizationguide-pa.googleapis.com", "content-autofill.googleapis.com"),
    *("android.clients.google.com", "clientservices.googleapis.com", "edgedl.me.gvt1.com"),
    *("safebrowsing.googleapis.com", "redirector.gvt1.com"),
}
ARGUMENTS = (
    *("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,900"),
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
MIN_SCORE = 0.2  # the demo's threshold, as `tfpose predict` has it
SECONDS = 60.0  # that a busy machine may take
MINUTES = 2.0  # of the memory's test


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[site_server.Site]:
    if not (WEB / "node_modules").is_dir():
        pytest.skip("needs the packages of web: npm --prefix web ci")
    built = tmp_path_factory.mktemp("built") / "site"
    subprocess.run([str(NODE), "build.mjs", f"site={built}"], cwd=WEB, check=True, timeout=120)
    with site_server.serving(built) as site:
        yield site


@pytest.fixture(scope="module")
def browser(
    site: site_server.Site, tmp_path_factory: pytest.TempPathFactory
) -> Iterator["webdriver.Chrome"]:
    folder = tmp_path_factory.mktemp("live")
    film.write(folder / "film.mjpeg")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (
        *ARGUMENTS,
        f"--use-file-for-fake-video-capture={folder / 'film.mjpeg'}",
        *(f"--proxy-server=127.0.0.1:{site.server_port}", "--proxy-bypass-list=<-loopback>"),
    ):
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": str(folder)})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    browser.downloads = folder
    yield browser
    browser.quit()


@pytest.fixture
def page(browser: "webdriver.Chrome", site: site_server.Site) -> "webdriver.Chrome":
    site.closed = False
    visit(browser, site)
    return browser


def visit(browser: "webdriver.Chrome", site: site_server.Site) -> None:
    browser.get(site.address)
    wait(lambda: text(browser, "status").startswith("Ready") or bad(browser))
    assert not bad(browser), text(browser, "status")


def wait(holds: Callable[[], object], seconds: float = SECONDS) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not come about in time"
        time.sleep(0.05)


def text(page: "webdriver.Chrome", name: str) -> str:
    return str(page.find_element(By.ID, name).text)


def bad(page: "webdriver.Chrome") -> bool:
    return "bad" in page.find_element(By.ID, "status").get_attribute("class")


def people(page: "webdriver.Chrome") -> int:
    return int(page.find_element(By.ID, "canvas").get_attribute("data-people") or -1)


def click(page: "webdriver.Chrome", name: str) -> None:
    page.find_element(By.ID, name).click()


@pytest.fixture(scope="module")
def expected() -> Any:
    """The people of the sample, as the package finds them at the demo's height."""
    found = PoseEstimator("tfpose_s", height=256, second_look="off")(pictures.SAMPLE)
    return found.select(found.person_score >= MIN_SCORE)


def test_people_of_a_camera_are_found_followed_and_measured(
    page: "webdriver.Chrome", expected: Any
) -> None:
    click(page, "camera")
    wait(lambda: people(page) == len(expected))
    wait(lambda: text(page, "fps")[:1].isdigit())
    figures = {name: text(page, name) for name in ("fps", "network", "decode", "first")}
    print(figures)
    assert float(figures["fps"]) > 0
    assert float(figures["network"].split()[0]) > 0
    assert float(figures["first"].split()[0]) > 0
    wait(lambda: "found." in text(page, "status"))
    assert "Joints marked" in page.find_element(By.ID, "canvas").get_attribute("aria-label")
    click(page, "pause")
    assert page.find_element(By.ID, "pause").get_attribute("aria-pressed") == "true"
    click(page, "stop")
    assert text(page, "status") == "Stopped."
    assert page.switch_to.active_element.get_attribute("id") == "camera"


def test_a_pictures_people_are_the_packages(page: "webdriver.Chrome", expected: Any) -> None:
    click(page, "sample")
    wait(lambda: people(page) >= 0)
    click(page, "saveJson")
    saved = page.downloads / "sample.json"
    wait(saved.exists)
    wait(lambda: saved.stat().st_size > 0)
    (row,) = json.loads(saved.read_text())
    assert (row["skeleton"], row["model"]) == ("openpose18", "tfpose_s")
    assert len(row["people"]) == len(expected)
    for found, person in zip(row["people"], expected, strict=True):
        shared = [name for name in found["keypoints"] if person[name]]
        assert len(shared) >= 0.8 * (person.score > 0).sum()
        places = [(found["keypoints"][name]["x"], found["keypoints"][name]["y"]) for name in shared]
        away = np.array(places) - [person[name][:2] for name in shared]
        # The canvas interpolates, not OpenCV; a cell of the map is 8 pixels of the input.
        assert np.median(np.hypot(*away.T)) < 2


def test_no_request_goes_to_another_host(page: "webdriver.Chrome", site: site_server.Site) -> None:
    click(page, "sample")
    wait(lambda: people(page) > 0)
    refused = page.execute_async_script(
        "const done = arguments[0];"
        "fetch('http://elsewhere.invalid/').then(() => done(false), () => done(true))"
    )
    assert refused, "the page's own policy lets nothing out"
    home = site.address.split("/")[2]
    others = {host.split(":")[0] for host in site.hosts if host != home} - BROWSERS_OWN
    assert not others
    page.get("http://elsewhere.invalid/")  # the watch does see what goes elsewhere
    assert "elsewhere.invalid" in site.hosts


def test_models_and_wasm_are_kept_and_the_page_works_without_a_network(
    page: "webdriver.Chrome", site: site_server.Site
) -> None:
    visit(page, site)  # isolated from the second visit on, with LiteRT.js's other build
    assert page.execute_script("return crossOriginIsolated")
    site.asked.clear()
    visit(page, site)
    assert not [path for _, path in site.asked if "/models/" in path or path.endswith(".wasm")]
    site.closed = True
    visit(page, site)
    click(page, "sample")
    wait(lambda: people(page) > 0)


def test_sizes_and_networks_can_be_changed(page: "webdriver.Chrome", expected: Any) -> None:
    click(page, "sample")
    wait(lambda: people(page) == len(expected))
    for control, value in (("height", "160"), ("model", "tfpose_s_float16 wasm")):
        page.execute_script("delete canvas.dataset.people")
        option = f"#{control} option[value='{value}']"
        page.find_element(By.CSS_SELECTOR, option).click()
        wait(lambda: people(page) > 0)
        assert not bad(page)


def test_without_simd_the_page_says_so(browser: "webdriver.Chrome", site: site_server.Site) -> None:
    site.closed = False
    script = {"source": "WebAssembly.validate = () => false"}
    added = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", script)
    browser.get(site.address)
    wait(lambda: bad(browser))
    assert "no WebAssembly SIMD" in text(browser, "status")
    assert not browser.find_element(By.ID, "camera").is_enabled()
    browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)


def test_every_control_has_a_name_and_is_reached_by_the_keyboard(page: "webdriver.Chrome") -> None:
    controls = page.find_elements(By.CSS_SELECTOR, "button, input, select")
    assert len(controls) >= 12
    for control in controls:
        assert control.accessible_name, control.get_attribute("outerHTML")
        assert control.get_attribute("tabindex") is None
    assert page.find_element(By.ID, "status").get_attribute("role") == "status"


@pytest.mark.soak
def test_memory_is_flat_over_two_minutes(page: "webdriver.Chrome") -> None:
    click(page, "camera")
    wait(lambda: people(page) > 0)
    rows, until = [], time.monotonic() + 60 * MINUTES
    while time.monotonic() < until:
        heap = page.execute_script("return performance.memory.usedJSHeapSize")
        rows.append((resident(page.service.process.pid) / 2**20, heap / 2**20))
        time.sleep(4)
    print([f"{whole:.0f}+{heap:.1f}" for whole, heap in rows], text(page, "figures"))
    assert not bad(page)
    whole = np.array(rows)[:, 0]
    third = len(whole) // 3
    early, late = np.median(whole[third : 2 * third]), np.median(whole[-third:])
    assert late < 1.05 * early + 10, f"{early:.0f} MiB in the second third, {late:.0f} in the last"


def resident(pid: int) -> int:
    """Bytes that a process and all below it hold, shared pages in shares (PSS)."""
    total = 0
    rollup = Path(f"/proc/{pid}/smaps_rollup")
    try:
        lines = rollup.read_text().splitlines()
        total += next(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))
        for task in os.listdir(f"/proc/{pid}/task"):
            children = Path(f"/proc/{pid}/task/{task}/children").read_text().split()
            total += sum(resident(int(child)) for child in children)
    except (OSError, StopIteration):  # it ended meanwhile
        return total
    return total
