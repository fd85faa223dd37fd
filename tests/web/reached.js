// The gateway answers a browser.
'use strict';
const assert = require('node:assert/strict');
const { flow } = require('./browser');

flow(async (browser) => {
    const page = await browser.open();
    // Answers of the API have no icon.
    browser.expect(page, /status of 404 .*favicon\.ico/);
    await page.goto(`${browser.told.gateway}/healthz`);
    assert.match(await page.locator('body').innerText(), /"ok": ?true/);
    assert(browser.told.claim.length > 5);
    browser.say('it is there');
    assert.equal(await browser.heard(), 'go on');
});
