// What goes wrong on a page is noticed, with scripts and without; what a script said that it expects is no problem, and
// what it expected in vain is one.
'use strict';
const assert = require('node:assert/strict');
const { once } = require('node:events');
const http = require('node:http');
const { flow } = require('./browser');

const PAGE = `<!doctype html><html lang="en"><head><title>Bad</title><link rel="icon" href="data:,"></head>
<body><h1 style="color: red">Bad</h1><img src="/missing.png" alt=""><img src="/cut-off.png" alt=""><input>
<script src="/page.js"></script></body></html>`;

const WITH_SCRIPTS = [
    /policy: style-src-attr forbids inline/,
    /console: Applying inline style violates/,
    /console: Failed to load resource: the server responded with a status of 404 .*missing\.png/,
    /console: Failed to load resource: net::ERR_EMPTY_RESPONSE .*cut-off\.png/,
    /failed: GET .*cut-off\.png: net::ERR_EMPTY_RESPONSE/,
    /error: Error: thrown/,
    /axe: critical: label: /,
];

const WITHOUT = WITH_SCRIPTS.slice(1, 5);

function answer({ url }, response) {
    switch (url) {
        case '/':
            response.setHeader('content-security-policy', "default-src 'self'; img-src 'self' data:");
            response.setHeader('content-type', 'text/html');
            return response.end(PAGE);
        case '/page.js':
            response.setHeader('content-type', 'text/javascript');
            return response.end("throw new Error('thrown')");
        case '/cut-off.png':
            return response.destroy();
        default:
            response.statusCode = 404;
            return response.end();
    }
}

// Longer than this takes; reached only when something is not noticed.
const signal = AbortSignal.timeout(30000);

// Waits until each of these is a problem, and takes all problems away.
async function noticed(browser, patterns) {
    const isNoticed = (pattern) => browser.problems.some((problem) => pattern.test(problem));
    while (!patterns.every(isNoticed)) {
        await once(browser, 'noticed', { signal });
    }
    browser.problems.splice(0);
}

flow(async (browser) => {
    const server = http.createServer(answer);
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = `http://127.0.0.1:${server.address().port}`;

    const page = await browser.open();
    await page.goto(address);
    await browser.accessible(page);
    await noticed(browser, WITH_SCRIPTS);

    const plain = await browser.open({ script: false });
    await plain.goto(address);
    await noticed(browser, WITHOUT);

    const expecting = await browser.open({ script: false });
    WITHOUT.forEach((pattern) => browser.expect(expecting, pattern));
    await expecting.goto(address);
    while (expecting.expected.some(({ times }) => times === 0)) {
        await once(browser, 'noticed', { signal });
    }
    browser.expect(expecting, /in vain/);
    assert.deepEqual(await browser.verdict(), ['never came: /in vain/']);
    expecting.expected.pop();
});
