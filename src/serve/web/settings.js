// The dialog with the settings.

import { standardOf } from "/requests.js";
import { defaults, saveSettings } from "/store.js";

const kSampling = ["temperature", "top_p", "top_k", "min_p", "repeat_penalty"];
const kNumbers = [...kSampling, "max_tokens", "seed"];
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

// `onChange` is called when the dialog has been closed, `modelOf` tells what is served, if anything.
export function connectSettings(settings, modelOf, onChange) {
  const dialog = byId("settings");
  byId("open-settings").addEventListener("click", () => {
    for (const name of kSampling) byId(name).placeholder = standardOf(name, modelOf());
    show(settings);
    dialog.showModal();
  });
  byId("close-settings").addEventListener("click", () => {
    const wrong = kNumbers.map(byId).find((field) => !field.validity.valid);
    if (wrong) wrong.reportValidity();
    else dialog.close();
  });
  byId("reset-settings").addEventListener("click", () => show({ ...defaults, key: settings.key }));
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // beside it
  });
  dialog.addEventListener("close", () => {
    collect(settings);
    saveSettings(settings);
    byId("key-problem").textContent = "";
    onChange();
  });
}

// Asks for a key and says why.
export function askForKey(problem) {
  if (!byId("settings").open) byId("open-settings").click();
  byId("key-problem").textContent = problem;
  byId("key").focus();
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
