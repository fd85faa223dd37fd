// Prints the one-time password (RFC 6238: HMAC-SHA-1, six digits, 30 s) of a secret in base 32, this many steps from now.
'use strict';
const { createHmac } = require('crypto');

const [secret, steps] = process.argv.slice(2);
const bits = [...secret.toUpperCase().replace(/[\s=]/g, '')]
    .map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'))
    .join('');
const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
const step = Buffer.alloc(8);
step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + Number(steps)));
const hash = createHmac('sha1', key).update(step).digest();
const number = hash.readUInt32BE(hash[19] & 0xf) & 0x7fffffff;
console.log(String(number % 1000000).padStart(6, '0'));
