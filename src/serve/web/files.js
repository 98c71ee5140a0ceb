// How files come into a message: by the button, from the clipboard, or dropped.

export function connectFiles(tray, { input, addFiles, addText }) {
  const { button, picker } = tray;
  button.addEventListener("click", () => picker.click());
  picker.addEventListener("change", () => {
    addFiles([...picker.files]);
    picker.value = ""; // so that the same file can be chosen again
    input.focus();
  });
  input.addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files].filter((file) => tray.kindOf(file));
    if (files.length === 0) return;
    event.preventDefault();
    addFiles(files);
  });
  // Else the browser would leave the page for them.
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", async (event) => {
    const files = [...event.dataTransfer.files];
    if (files.length === 0) return;
    event.preventDefault();
    addFiles(files.filter((file) => tray.kindOf(file)));
    for (const file of files.filter((file) => !tray.kindOf(file))) {
      addText(file.name, await file.text().catch(() => "\0"));
    }
    input.focus();
  });
}
