// Starts the browsable API page. It asks nothing from outside: no fonts, no assistant, no telemetry.

window.Scalar.createApiReference("#api", {
  url: "v1/openapi.json",
  withDefaultFonts: false,
  showDeveloperTools: "never",
  agent: { disabled: true },
  mcp: { disabled: true },
  hideClientButton: true,
  telemetry: false,
});
