// What a person does at a page, by what stands on it.
'use strict';

async function fillIn(page, fields) {
    for (const [label, value] of Object.entries(fields)) {
        await page.getByLabel(label, { exact: true }).fill(value);
    }
}

// Goes to one of the pages that every page leads to.
async function go(page, name) {
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name }).click();
    await page.getByRole('heading', { name, level: 1 }).waitFor();
}

// Presses a button that leads to a page with that heading, which says how it went.
async function press(page, button, heading, said) {
    await page.getByRole('button', { name: button, exact: true }).click();
    await page.getByRole('heading', { name: heading, level: 1, exact: true }).waitFor();
    if (said) {
        await page.getByText(said).first().waitFor();
    }
}

// Does what cannot be taken back: opens its question, and says yes.
async function sure(page, what, heading, said) {
    await page.locator('details.sure > summary', { hasText: what }).first().click();
    await press(page, `Yes: ${what}`, heading, said);
}

// The button that every page has.
async function logOut(page) {
    await page.getByRole('banner').getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('heading', { name: 'Log in', level: 1 }).waitFor();
}

function path(page) {
    return new URL(page.url()).pathname;
}

module.exports = { fillIn, go, press, sure, logOut, path };
