"""The page in a real browser: Chromium without a screen, with a file and with a made camera."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ..fake_service import Running, running
from ..fakes import picture

webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs Chromium and its driver (apt install chromium-driver)"
)
KEY = "a-key-of-at-least-16"
LEFT = (255, 149, 0)  # a left limb's colour


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator["webdriver.Chrome"]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (
        *("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1200,900"),
        *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    folder = tmp_path_factory.mktemp("downloads")
    options.add_experimental_option("prefs", {"download.default_directory": str(folder)})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    browser.downloads = folder
    yield browser
    browser.quit()


@pytest.fixture(scope="module")
def service() -> Iterator[Running]:
    with running() as service:
        yield service


@pytest.fixture
def page(browser: "webdriver.Chrome", service: Running) -> "webdriver.Chrome":
    browser.get(f"http://127.0.0.1:{service.port}/")
    wait(lambda: browser.find_elements(By.CSS_SELECTOR, "#model option"))
    return browser


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "holiday.jpg"
    path.write_bytes(picture())
    return path


def wait(holds: Callable[[], object], seconds: float = 15.0) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not come about in time"
        time.sleep(0.05)


def status(page: "webdriver.Chrome") -> str:
    return page.find_element(By.ID, "status").text


def pixel(page: "webdriver.Chrome", x: int, y: int) -> tuple[int, ...]:
    """The canvas's colour there, in pixels of the picture."""
    script = (
        "return [...canvas.getContext('2d').getImageData(arguments[0], arguments[1], 1, 1).data]"
    )
    return tuple(page.execute_script(script, x, y)[:3])


def choose(page: "webdriver.Chrome", photo: Path) -> None:
    page.find_element(By.ID, "file").send_keys(str(photo))
    wait(lambda: "people" in status(page))


def test_a_picture_that_is_chosen_gets_its_skeletons(page: "webdriver.Chrome", photo: Path) -> None:
    """The left thigh of the first person leads from 120, 141 to 120, 190."""
    choose(page, photo)
    assert status(page).startswith("2 people · 400 \u00d7 300")
    assert pixel(page, 120, 165) == LEFT
    assert page.find_element(By.ID, "canvas").get_attribute("aria-label").startswith("2 people")


def test_the_threshold_takes_keypoints_away_without_asking_again(
    page: "webdriver.Chrome", photo: Path, service: Running
) -> None:
    choose(page, photo)
    asked = service.figure('tfpose_pictures_total{model="pose"}')
    slider = page.find_element(By.ID, "threshold")
    slider.send_keys(Keys.END)  # by keyboard, to 1: the score is 0.9
    assert status(page).startswith("No people")
    assert pixel(page, 120, 165) != LEFT
    slider.send_keys(Keys.HOME)
    assert pixel(page, 120, 165) == LEFT
    assert service.figure('tfpose_pictures_total{model="pose"}') == asked


def test_json_and_picture_are_saved(page: "webdriver.Chrome", photo: Path) -> None:
    choose(page, photo)
    page.find_element(By.ID, "saveJson").click()
    page.find_element(By.ID, "savePicture").click()
    wait(lambda: (page.downloads / "holiday.poses.png").exists())
    wait(lambda: (page.downloads / "holiday.json").exists())
    saved = json.loads((page.downloads / "holiday.json").read_text())
    assert (saved["width"], saved["height"], len(saved["people"])) == (400, 300, 2)
    assert (page.downloads / "holiday.poses.png").read_bytes()[:4] == b"\x89PNG"


def test_what_is_no_picture_is_said(page: "webdriver.Chrome", tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_text("hello")
    page.find_element(By.ID, "file").send_keys(str(bad))
    wait(lambda: "no picture" in status(page))


def test_a_file_that_is_no_picture_leaves_nothing_of_the_last_one(
    page: "webdriver.Chrome", photo: Path, tmp_path: Path
) -> None:
    choose(page, photo)
    assert page.find_element(By.ID, "details").is_displayed()
    bad = tmp_path / "bad.jpg"
    bad.write_text("hello")
    page.find_element(By.ID, "file").send_keys(str(bad))
    wait(lambda: "no picture" in status(page))
    assert not page.find_element(By.ID, "details").is_displayed()
    assert not page.find_element(By.ID, "saveJson").is_enabled()
    assert pixel(page, 120, 165) == (0, 0, 0)


def test_the_sample_is_tried_and_its_first_person_named_when_pointed_at(
    page: "webdriver.Chrome",
) -> None:
    """White letters right of the left eye at 104, 60 appear with the pointer, and go with it."""
    page.find_element(By.ID, "sample").click()
    wait(lambda: "people" in status(page))
    ink = "return context.getImageData(90, 50, 60, 30).data.filter((value) => value === 255).length"
    before = page.execute_script(ink)
    canvas = page.find_element(By.ID, "canvas")
    shift = page.execute_script(
        "const { width, height } = canvas.getBoundingClientRect();"
        "return [width * (100 / canvas.width - 0.5), height * (100 / canvas.height - 0.5)]"
    )
    webdriver.ActionChains(page).move_to_element_with_offset(
        canvas, round(shift[0]), round(shift[1])
    ).perform()
    assert page.execute_script("return state.pointed") == 0
    assert page.execute_script(ink) > before
    webdriver.ActionChains(page).move_to_element(page.find_element(By.ID, "status")).perform()
    assert page.execute_script(ink) == before


def test_status_and_buttons_are_seen_without_scrolling(
    page: "webdriver.Chrome", tmp_path: Path
) -> None:
    """A laptop of 1366 x 768, of which the browser leaves about 650 pixels."""
    metrics = {"width": 1366, "height": 650, "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    tall = tmp_path / "tall.jpg"
    tall.write_bytes(picture(1200, 800))
    choose(page, tall)
    for name in ("status", "saveJson", "savePicture", "canvas"):
        place = page.find_element(By.ID, name).rect
        assert place["y"] + place["height"] <= 650, name
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_phone_shows_no_empty_box(page: "webdriver.Chrome") -> None:
    metrics = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    assert not page.find_element(By.ID, "canvas").is_displayed()
    assert page.find_element(By.ID, "sample").is_displayed()
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_first_example_of_the_api_is_a_file(page: "webdriver.Chrome", service: Running) -> None:
    page.get(f"http://127.0.0.1:{service.port}/docs")
    wait(lambda: page.find_elements(By.CSS_SELECTOR, "summary"))
    first = page.find_element(By.CSS_SELECTOR, "pre").text
    assert first == f"curl -F image=@photo.jpg http://127.0.0.1:{service.port}/v1/pose"


def test_a_picture_is_dropped(page: "webdriver.Chrome") -> None:
    page.execute_script(
        """
        const data = new DataTransfer(), small = new OffscreenCanvas(400, 300);
        small.getContext("2d").fillRect(0, 0, 400, 300);
        small.convertToBlob({ type: "image/png" }).then((blob) => {
          data.items.add(new File([blob], "dropped.png", { type: "image/png" }));
          dispatchEvent(new DragEvent("drop", { dataTransfer: data, cancelable: true }));
        });
        """
    )
    wait(lambda: "2 people" in status(page))


def test_the_camera_is_followed_and_stopped(page: "webdriver.Chrome", service: Running) -> None:
    button = page.find_element(By.ID, "camera")
    button.click()
    wait(lambda: "frames a second" in status(page) and "2 people" in status(page))
    assert button.get_attribute("aria-pressed") == "true"
    assert pixel(page, 120, 165) == LEFT
    script = "return [...people.rows].map((row) => row.cells[0].textContent)"
    assert page.execute_script(script) == ["1", "2"]
    button.click()
    assert button.text == "Use the camera"
    wait(lambda: service.figure("tfpose_streams") == 0)


def test_nothing_comes_from_another_host_and_nothing_is_complained_of(
    page: "webdriver.Chrome", photo: Path, service: Running
) -> None:
    page.get_log("browser")
    for path in ("", "docs"):
        page.get(f"http://127.0.0.1:{service.port}/{path}")
        wait(lambda: page.find_elements(By.CSS_SELECTOR, "#model option, summary"))
        names = page.execute_script("return performance.getEntries().map((entry) => entry.name)")
        hosts = {name.split("/")[2] for name in names if "://" in name}
        assert hosts == {f"127.0.0.1:{service.port}"}
    assert [row for row in page.get_log("browser") if row["level"] in ("SEVERE", "WARNING")] == []


def test_every_control_has_a_name_and_is_reached_by_keyboard(page: "webdriver.Chrome") -> None:
    named = page.execute_script(
        "return [...document.querySelectorAll('button, input, select')].filter((one) => "
        "!one.labels?.length && !one.textContent.trim() && !one.ariaLabel).map((one) => one.id)"
    )
    assert named == []
    reached = []
    for _ in range(12):
        webdriver.ActionChains(page).send_keys(Keys.TAB).perform()
        reached.append(page.switch_to.active_element.get_attribute("id"))
    assert {"file", "camera", "model", "threshold", "names"} <= set(reached)
    assert page.execute_script("return document.documentElement.lang") == "en"


@pytest.mark.parametrize("width", [360, 768, 1200])
def test_nothing_sticks_out_of_the_page(page: "webdriver.Chrome", photo: Path, width: int) -> None:
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    choose(page, photo)
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    canvas = page.find_element(By.ID, "canvas").rect
    assert canvas["width"] > 0.5 * min(width, 400)
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_key_is_asked_for_where_one_is_needed(browser: "webdriver.Chrome", photo: Path) -> None:
    with running(api_key=KEY) as service:
        browser.get(f"http://127.0.0.1:{service.port}/")
        field = browser.find_element(By.ID, "key")
        wait(field.is_displayed)
        field.send_keys(KEY, Keys.TAB)
        wait(lambda: browser.find_elements(By.CSS_SELECTOR, "#model option"))
        choose(browser, photo)
        assert status(browser).startswith("2 people")
        browser.find_element(By.ID, "camera").click()
        wait(lambda: "frames a second" in status(browser))
        browser.find_element(By.ID, "camera").click()
