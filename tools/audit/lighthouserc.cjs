// What `make audit` demands of each page; FORM says how it is looked at.
// "whole" is a window as high as any page, so that the weight counts pictures further down, too.
const forms = {
  mobile: { performance: 0.9 },
  desktop: { performance: 0.98, settings: { preset: "desktop" } },
  whole: {
    numberOfRuns: 1,
    settings: {
      preset: "desktop",
      onlyAudits: ["total-byte-weight"],
      disableFullPageScreenshot: true,
      screenEmulation: { mobile: false, width: 1350, height: 60_000, deviceScaleFactor: 1 },
    },
  },
};
const { performance, numberOfRuns = 3, settings } = forms[process.env.FORM];
const demand = (limit) => ["error", { ...limit, aggregationMethod: "median" }];
const assertions = {
  "categories:performance": demand({ minScore: performance }),
  "categories:accessibility": demand({ minScore: 1 }),
  "categories:best-practices": demand({ minScore: 1 }),
  "categories:seo": demand({ minScore: 1 }),
  "cumulative-layout-shift": demand({ maxNumericValue: 0.02 }),
};
const weight = { "total-byte-weight": demand({ maxNumericValue: 350_000 }) }; // bytes, compressed

module.exports = {
  ci: {
    collect: {
      staticDistDir: process.env.SITE,
      numberOfRuns,
      settings: { ...settings, chromeFlags: "--headless=new --no-sandbox --disable-gpu" },
    },
    assert: { includePassedAssertions: true, assertions: performance ? assertions : weight },
  },
};
