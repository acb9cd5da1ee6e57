// SPDX-License-Identifier: Apache-2.0
// PagerDuty's own client: node pagerduty.js SERVER KEY DEDUP_KEY ACTION; prints what it was answered.
const { event } = require(`${process.env.SENDERS}/node_modules/@pagerduty/pdjs`);

const [server, key, dedup, action] = process.argv.slice(2);

event({ server, data: { routing_key: key, event_action: action, dedup_key: dedup,
                        payload: { summary: `${dedup} is broken`, source: 'db-1', severity: 'critical' } } })
  .then((answer) => console.log(JSON.stringify({ status: answer.response.status, data: answer.data })))
  .catch((e) => { console.error(e); process.exit(1); });
