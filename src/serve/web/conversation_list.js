// The list of conversations at the side.

import { titleOf } from "/store.js";

const byId = (id) => document.getElementById(id);

function button(className, text, onClick) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = className;
  made.textContent = text;
  made.addEventListener("click", onClick);
  return made;
}

function answerMark() {
  const mark = document.createElement("span");
  mark.className = "mark";
  mark.setAttribute("role", "img");
  mark.setAttribute("aria-label", "(is being answered)");
  return mark;
}

// `answers` has those that are being answered.
export function showConversations(conversations, current, answers, { onOpen, onDelete }) {
  const rows = conversations.map((conversation) => {
    const row = document.createElement("li");
    const title = titleOf(conversation);
    const open = button("conversation", title, () => onOpen(conversation));
    if (conversation === current) open.setAttribute("aria-current", "true");
    if (answers.has(conversation)) open.append(answerMark());
    const remove = button("remove", "×", () => onDelete(conversation));
    remove.setAttribute("aria-label", `Delete ${title}`);
    row.append(open, remove);
    return row;
  });
  byId("conversations").replaceChildren(...rows);
}

// On narrow screens the list is a drawer.
export function connectDrawer() {
  const isOpen = () => document.body.classList.contains("drawer-open");
  const set = (open) => {
    if (open === isOpen()) return;
    document.body.classList.toggle("drawer-open", open);
    byId("menu").setAttribute("aria-expanded", String(open));
    if (open) byId("new").focus();
    else if (byId("sidebar").contains(document.activeElement)) byId("menu").focus();
  };
  byId("menu").addEventListener("click", () => set(!isOpen()));
  document.querySelector("main").addEventListener("click", (event) => {
    if (!event.target.closest("#menu")) set(false);
  });
  byId("sidebar").addEventListener("click", (event) => {
    if (event.target.closest(".conversation, #new")) set(false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") set(false);
  });
}
