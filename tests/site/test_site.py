"""What a reader does with the pages: looks, searches, switches the language, follows the lineage."""

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

PAGES = [
    "index.html",
    "kpis.html",
    "kpi/target_account_coverage.html",
    "mart/kpi_values.html",
    "mart/account_360.html",
    "table/signals.html",
    "source/touchpoints.html",
    "job/engagement.html",
]

# Ratio of contrast between the colour of the text and the background behind it, for every visible text of the page.
CONTRAST = """
const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => {
  const linear = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
};
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const colour = numbers(getComputedStyle(at).backgroundColor);
    if (colour.length < 4 || colour[3] > 0) return colour;
  }
  return [255, 255, 255];
};
const bad = [];
for (const element of document.querySelectorAll("body *")) {
  const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  if (!text || element.closest("svg") || !element.checkVisibility()) continue;
  const style = getComputedStyle(element);
  const [one, other] = [light(numbers(style.color)), light(behind(element))];
  const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  if (ratio < 4.5) bad.push([element.className, element.textContent.slice(0, 40), ratio.toFixed(2)]);
}
for (const element of document.querySelectorAll("svg text")) {
  if (!element.checkVisibility()) continue;
  const box = element.parentElement.querySelector("rect.box");
  let fill = numbers(getComputedStyle(box).fill === "none" ? getComputedStyle(element.closest("div")).backgroundColor : getComputedStyle(box).fill);
  const [one, other] = [light(numbers(getComputedStyle(element).fill)), light(fill)];
  const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  if (ratio < 4.5) bad.push(["svg", element.textContent, ratio.toFixed(2)]);
}
return bad;
"""


@pytest.mark.parametrize("page", PAGES)
def test_a_page_fits_and_can_be_read(reader, page):
    reader.open(page)
    reader.picture(page)
    assert reader.run("return document.documentElement.scrollWidth") <= reader.run("return window.innerWidth")
    assert reader.run(CONTRAST) == []
    reader.emulate(prefers_color_scheme="dark")
    background = reader.run("return getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(17, 21, 28)"
    assert reader.run(CONTRAST) == []
    reader.picture(f"{page}-dark")
    assert reader.errors() == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_one_main_heading_and_steps_down_from_it(reader, page):
    levels = [int(heading.tag_name[1]) for heading in reader.open(page).all("h1, h2, h3")]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:]))
    assert len(reader.all("main")) == 1


def search(reader, words):
    reader.one("body").send_keys("/")
    field = reader.one("#search")
    assert reader.driver.switch_to.active_element == field
    field.send_keys(words)
    reader.until(lambda: reader.all("#results li"))
    return field


@pytest.mark.parametrize(
    "words, page",
    [
        ("Taux de couverture des comptes cibles", "kpi/target_account_coverage.html"),
        ("taux de COUVERTURE", "kpi/target_account_coverage.html"),
        ("win_rate", "kpi/win_rate.html"),
        ("touchpoints", "source/touchpoints.html"),
        ("account_360", "mart/account_360.html"),
        ("cout", None),
    ],
)
def test_the_search_finds_a_definition_and_enter_opens_it(reader, words, page):
    reader.open("source/accounts.html")
    field = search(reader, words)
    first = reader.one("#results li")
    reader.picture(f"search-{words}")
    if page is None:
        # Written without the accents that the French titles have.
        reader.one('[data-set-language="fr"]').click()
        field.send_keys(" ")
        reader.until(lambda: "coût" in reader.one("#results").text.lower())
    else:
        assert field.get_attribute("aria-activedescendant") == first.get_attribute("id")
        field.send_keys(Keys.ENTER)
        reader.until(lambda: reader.page() == page)
    assert reader.errors() == []


def test_the_search_is_a_list_to_go_up_and_down(reader):
    reader.open("index.html")
    field = search(reader, "coverage")
    items = reader.all("#results li")
    assert len(items) > 2
    field.send_keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_UP)
    assert [item.get_attribute("aria-selected") for item in items[:3]] == ["false", "true", "false"]
    field.send_keys(Keys.ESCAPE)
    assert field.get_attribute("aria-expanded") == "false"
    field.clear()
    field.send_keys("zzzzz")
    reader.until(lambda: reader.all("#results .nothing"))
    field.send_keys(Keys.ENTER)
    assert reader.page() == "index.html"


def test_a_column_is_found_where_it_stands(reader):
    reader.open("index.html")
    search(reader, "penetration_rate account_360").send_keys(Keys.ENTER)
    reader.until(lambda: reader.page() == "mart/account_360.html")
    assert reader.driver.current_url.endswith("#column-penetration_rate")


def test_the_language_is_switched_and_remembered(reader):
    reader.open("kpi/target_account_coverage.html")
    shown = lambda: reader.one("h1").text
    assert shown() == "Target account coverage"
    reader.one('[data-set-language="fr"]').click()
    assert shown() == "Taux de couverture des comptes cibles"
    assert reader.run("return document.documentElement.lang") == "fr"
    assert reader.driver.title.startswith("Taux de couverture")
    reader.picture("french")
    reader.open("mart/kpi_values.html")
    assert reader.one("#columns h2").text == "Colonnes"
    assert reader.one('[data-set-language="fr"]').get_attribute("aria-pressed") == "true"
    assert reader.run("return document.cookie") == ""
    reader.one('[data-set-language="en"]').click()
    assert reader.open("mart/kpi_values.html").one("#columns h2").text == "Columns"
    assert reader.errors() == []


def test_the_lineage_is_a_picture_of_links(reader):
    reader.open("kpi/target_account_coverage.html")
    box = reader.one(".lineage")
    # What the page is about is in sight, however wide the picture is.
    left, right = reader.run(
        "const box = arguments[0].getBoundingClientRect(); const focus = document.querySelector('.lineage .focus').getBoundingClientRect();"
        "return [focus.left - box.left, box.right - focus.right]",
        box,
    )
    assert left >= 0 and right >= 0
    target = reader.one('.lineage a[href="../fact/activity.html"]')
    reader.run("arguments[0].scrollIntoView({block: 'center', inline: 'center', behavior: 'instant'})", target)
    ActionChains(reader.driver).move_to_element(target).click().perform()
    reader.until(lambda: reader.page() == "fact/activity.html")
    assert reader.errors() == []


def test_a_keyboard_is_enough(reader):
    reader.open("kpi/target_account_coverage.html")
    ActionChains(reader.driver).send_keys(Keys.TAB).perform()
    skip = reader.driver.switch_to.active_element
    assert skip.get_attribute("class") == "skip" and skip.is_displayed()
    skip.send_keys(Keys.ENTER)
    assert reader.run("return document.activeElement.id") == "main"
    for _ in range(3):
        ActionChains(reader.driver).send_keys(Keys.TAB).perform()
        style = reader.run("const s = getComputedStyle(document.activeElement); return [s.outlineStyle, s.outlineWidth]")
        assert style[0] == "solid" and style[1] == "2px"


def test_pages_print_without_what_is_for_the_screen(reader):
    reader.open("kpi/target_account_coverage.html")
    reader.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert not reader.one("header.top").is_displayed()
    assert not reader.one("nav.kinds").is_displayed()
    assert reader.one("h1").is_displayed()


def test_pages_tell_all_without_scripts(reader):
    reader.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    reader.open("kpi/target_account_coverage.html")
    assert reader.one("h1").text == "Target account coverage"
    assert not reader.one(".search").is_displayed() and not reader.one(".languages").is_displayed()
