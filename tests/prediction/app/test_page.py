"""The page in a headless Chromium, where Playwright and a Chromium are there; by mouse, by keyboard and on a phone."""

import re
import shutil
import threading

import cv2
import pytest

from cxr.images.files import read_image

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="the page needs Playwright (requirements-dev.txt)")
    if CHROMIUM is None:
        pytest.skip("there is no chromium on the PATH")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(application):
    """Of a server that runs in a thread."""
    import uvicorn

    from cxr.commands.app import listen

    listening, address = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(application, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield address
    server.should_exit = True
    thread.join()


@pytest.fixture
def page(browser, address):
    """The page, which must neither complain nor ask another host."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.get_by_role("button", name="hand").wait_for()
    yield page
    page.close()
    assert [text for text in said if "the server responded with a status of 4" not in text] == []
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []


def upload(page, name, content, kind="image/png"):
    page.set_input_files("#file", {"name": name, "mimeType": kind, "buffer": content})
    page.get_by_role("heading", name=f"Results for {name}").wait_for()


def rows_of(page):
    return page.locator("#list .finding").all_inner_texts()


def test_a_png_is_answered_in_plain_words(page, chest):
    upload(page, "chest.png", chest)
    first, *others, last = rows_of(page)
    assert re.fullmatch(r"Cardiomegaly: \d\.\d\d, above its threshold of 0\.00: called", first)
    assert any(re.fullmatch(r"Effusion: \d\.\d\d, below its threshold of 1\.00: not called", row) for row in others)
    assert any(re.fullmatch(r"Mass: \d\.\d\d, no threshold", row) for row in others)
    assert last == "No heatmap, only the X-ray"
    assert page.locator("#status").inner_text() == "chest.png: 1 called: Cardiomegaly."
    assert page.locator("#view polygon").count() == 2
    assert page.locator("#view rect.crop").count() == 1
    assert page.get_by_text("mean nothing for patients").is_visible()
    assert page.get_by_text("not a medical device").is_visible()


def test_a_heatmap_is_chosen_and_its_strength_set_by_keyboard(page, chest, send):
    upload(page, "chest.png", chest)
    heat, pictures = page.locator("#heat"), send(chest, pictures=True).json()["pictures"]
    assert heat.get_attribute("href") == pictures["heat"]["Cardiomegaly"]
    page.get_by_role("radio").first.focus()
    page.keyboard.press("ArrowDown")
    second = rows_of(page)[1].partition(":")[0]
    assert heat.get_attribute("href") == pictures["heat"][second]
    assert page.locator("#view").get_attribute("aria-label") == f"The X-ray with the heatmap of {second}"
    slider = page.get_by_role("slider", name="strength of the heatmap")
    slider.focus()
    page.keyboard.press("End")
    assert (heat.get_attribute("opacity"), page.locator("#strength").inner_text()) == ("1", "100 %")
    slider.fill("25")
    assert (heat.get_attribute("opacity"), page.locator("#strength").inner_text()) == ("0.25", "25 %")
    page.get_by_role("checkbox", name="lungs").press("Space")
    assert page.locator("#view polygon").count() == 0
    page.get_by_role("radio").last.check()
    assert heat.count() == 0


def test_dicom_is_shown_and_answered(page, dicom):
    upload(page, "night.dcm", dicom(), "application/dicom")
    assert rows_of(page)[0].startswith("Cardiomegaly: ")
    assert page.locator("#view image").first.get_attribute("href").startswith("data:image/png")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("hand", "no usable lungs were found"),
        ("lateral", "is a lateral"),
        ("text", "is neither PNG nor JPEG nor DICOM"),
    ],
)
def test_what_is_no_chest_x_ray_is_refused_with_the_reason(page, chest, dicom, hand, kind, words):
    upload(page, "before.png", chest)
    content = {"hand": lambda: hand, "lateral": lambda: dicom(ViewPosition="LL"), "text": lambda: b"no image"}[kind]()
    upload(page, "given", content)
    refusal = page.get_by_role("alert")
    assert refusal.inner_text().startswith("Refused: ")
    assert words in refusal.inner_text()
    assert page.locator("#list input:visible").count() == 0


def test_an_example_is_answered_by_keyboard_alone(page):
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent").startswith("A hand"):
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Results for hand.png").wait_for()
    assert page.locator("#status").get_attribute("aria-live") == "polite"
    assert "hand.png was refused" in page.locator("#status").inner_text()


def test_a_name_is_text_whatever_it_says(page, chest):
    upload(page, "<img src=x onerror=alert(1)>.png", chest)
    assert page.locator("h2 img").count() == 0


def test_it_fits_a_phone(browser, address, images):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(address)
    wide = cv2.resize(read_image(images / "chest1.png"), (900, 500), interpolation=cv2.INTER_LINEAR)
    upload(page, "a-rather-long-name-without-any-spaces-as-exports-have-them-1.2.840.png", encoded(wide))
    page.locator("#view").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.goto(f"{address}docs")
    page.get_by_text("POST /api/predict").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.close()


def encoded(pixels):
    return cv2.imencode(".png", pixels)[1].tobytes()
