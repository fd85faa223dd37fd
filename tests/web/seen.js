// Looking at a page as different people have it: light, dark and on a phone, which must not scroll sideways. Each look is
// a screenshot, and is checked for what makes it hard to use.
'use strict';

const DESK = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

async function seen(browser, page, name) {
    await browser.accessible(page);
    await browser.screenshot(page, `${name}-light`);
    await page.emulateMedia({ colorScheme: 'dark' });
    await browser.accessible(page);
    await browser.screenshot(page, `${name}-dark`);
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize(PHONE);
    await browser.accessible(page);
    await browser.screenshot(page, `${name}-phone`);
    const wide = await tooWide(page);
    if (wide.length > 0) {
        browser.problems.push(`${page.url()}: too wide for a phone: ${wide.join(', ')}`);
    }
    await page.setViewportSize(DESK);
}

// What reaches beyond the window, if the page does.
function tooWide(page) {
    return page.evaluate(() => {
        if (document.documentElement.scrollWidth <= window.innerWidth) {
            return [];
        }
        const reaches = (element) => element.getBoundingClientRect().right > window.innerWidth;
        const all = [...document.querySelectorAll('body *')].filter(reaches);
        return ['the page', ...all.map((element) => `${element.tagName}.${element.className}`)];
    });
}

// What the test that runs the script can do: see first_hour.rs.
async function ask(browser, what, more = {}) {
    browser.say({ do: what, ...more });
    return browser.heard();
}

module.exports = { seen, ask };
