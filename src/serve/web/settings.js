// The dialog with the settings.

import { defaults, saveSettings } from "/store.js";

const kNumbers = ["temperature", "top_p", "max_tokens", "seed"];
const kTexts = ["system", "key"];

const byId = (id) => document.getElementById(id);

function show(settings) {
  for (const name of [...kNumbers, ...kTexts]) byId(name).value = settings[name] ?? "";
}

// Numbers that are not valid or not there get their defaults.
function collect(settings) {
  for (const name of kTexts) settings[name] = byId(name).value;
  for (const name of kNumbers) {
    const field = byId(name);
    settings[name] = field.value !== "" && field.validity.valid ? field.valueAsNumber : defaults[name];
  }
}

// `onChange` is called when the dialog has been closed.
export function connectSettings(settings, onChange) {
  const dialog = byId("settings");
  byId("open-settings").addEventListener("click", () => {
    show(settings);
    dialog.showModal();
  });
  byId("close-settings").addEventListener("click", () => dialog.close());
  byId("reset-settings").addEventListener("click", () => show({ ...defaults, key: settings.key }));
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // beside it
  });
  dialog.addEventListener("close", () => {
    collect(settings);
    saveSettings(settings);
    onChange();
  });
}

export function openSettings(field) {
  byId("open-settings").click();
  byId(field).focus();
}

const kThemes = ["auto", "light", "dark"];

function applyTheme(theme) {
  document.documentElement.dataset.theme = theme;
  byId("theme").title = `Colours: ${theme}`;
}

// A button that goes through the themes; auto is what the system asks for.
export function connectTheme(settings) {
  applyTheme(settings.theme);
  byId("theme").addEventListener("click", () => {
    settings.theme = kThemes[(kThemes.indexOf(settings.theme) + 1) % kThemes.length];
    applyTheme(settings.theme);
    saveSettings(settings);
    byId("status").textContent = `Colours: ${settings.theme}`;
  });
}
