// Markdown of a model, which may hold anything, to elements that are safe to show.

import { copyButton } from "/copy.js";

const { marked, DOMPurify } = window;

// Where DOMPurify asks for its option FORCE_BODY, which is not used here, Debian 12's package asks for
// this variable, which it forgot to define.
window.shadowNode ??= {};

marked.use({
  gfm: true,
  breaks: true,
  mangle: false,
  headerIds: false,
  renderer: {
    // Nothing is loaded from elsewhere: a picture is shown as a link to it.
    image(href, title, text) {
      return `<a href="${href}">${text || title || href}</a>`;
    },
  },
});

DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName !== "A") return;
  node.setAttribute("target", "_blank");
  node.setAttribute("rel", "noopener noreferrer");
});

const kSafe = {
  USE_PROFILES: { html: true },
  FORBID_TAGS: ["style", "form", "input", "button", "textarea", "select", "img", "audio", "video", "picture", "source"],
  FORBID_ATTR: ["style", "id", "name"],
  RETURN_DOM_FRAGMENT: true,
};

export function renderMarkdown(text) {
  return DOMPurify.sanitize(marked.parse(text), kSafe);
}

let loading = null;

// highlight.js is large, so it comes when the first code does.
function loadHighlighter() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = "/highlight.js";
    script.onload = () => resolve(window.hljs);
    script.onerror = reject;
    document.head.append(script);
  });
  return loading;
}

// Colours and buttons for the code under `element`, once its text is complete.
export async function finishCode(element) {
  const blocks = [...element.querySelectorAll("pre")];
  if (blocks.length === 0) return;
  const highlighter = await loadHighlighter().catch(() => null);
  for (const pre of blocks) {
    if (pre.querySelector(".copy-code")) continue;
    const code = pre.querySelector("code");
    if (highlighter && code) highlighter.highlightBlock(code);
    pre.append(copyButton("plain copy-code", pre.textContent));
    pre.tabIndex = 0; // so that the keyboard can scroll it
  }
}
