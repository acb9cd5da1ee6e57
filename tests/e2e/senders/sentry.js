// SPDX-License-Identifier: Apache-2.0
// What an application with Sentry's SDK sends: node sentry.js DSN [BUNDLE [RELEASE]]
// A bundle is a script that exports run(), which throws; it is required from where it lies.
const path = require("path");
const Sentry = require("@sentry/node");

const [dsn, bundle, release] = process.argv.slice(2);

Sentry.init({
  dsn, release: release || "shop@1.0.0", environment: "production", serverName: "web-1", tracesSampleRate: 1.0,
  sendDefaultPii: true, defaultIntegrations: bundle ? undefined : false,
});

async function main() {
  if (bundle) {
    try {
      require(path.resolve(bundle)).run();
    } catch (e) {
      Sentry.captureException(e);
    }
  } else {
    Sentry.setTag("region", "eu-1");
    Sentry.setUser({ id: "u-77", email: "canary-email@example.com", username: "joe" });
    Sentry.setExtra("password", "canary-password-1");
    try {
      throw new TypeError("cannot read cart 4711 of customer 1234");
    } catch (e) {
      Sentry.captureException(e);
    }
    Sentry.captureMessage("disk of node7 is 93% full, token=canary-token-2", "warning");
    Sentry.withScope((scope) => {
      scope.setFingerprint(["payment", "{{ default }}"]);
      scope.addAttachment({ filename: "dump.txt", data: "canary-attachment-3" });
      Sentry.captureMessage("payment with card 4111 1111 1111 1111 failed", "fatal");
    });
    Sentry.startSpan({ name: "GET /checkout", op: "http.server" }, () => Sentry.startSpan({ name: "db", op: "db" }, () => 1));
    Sentry.startSession();
    Sentry.endSession();
  }
  const sent = await Sentry.flush(10000);
  await Sentry.close(5000);
  console.log(JSON.stringify({ sent }));
}

main().then(() => process.exit(0), (e) => { console.error(e); process.exit(1); });
