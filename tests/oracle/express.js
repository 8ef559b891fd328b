// What Express would say of requests: reads [{peer, header, trust}] as JSON
// from stdin, writes for each the addresses that it walked, the peer first, or
// what it raised.
'use strict'

const proxyaddr = require('proxy-addr')

// The same values as those of the setting "trust proxy" of Express.
function compile (trust) {
  if (trust === true) return () => true
  if (typeof trust === 'number') return (address, hop) => hop < trust
  return proxyaddr.compile(trust || [])
}

function ask ({ peer, header, trust }) {
  const request = {
    headers: { 'x-forwarded-for': header },
    socket: { remoteAddress: peer }
  }
  try {
    return proxyaddr.all(request, compile(trust))
  } catch (error) {
    return String(error)
  }
}

const asked = JSON.parse(require('fs').readFileSync(0, 'utf8'))
process.stdout.write(JSON.stringify(asked.map(ask)))
