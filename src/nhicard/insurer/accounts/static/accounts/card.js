// Signs in with a card: the control software on this computer makes the signature block, the form carries it on.
// The reader chooses the random and signs the moment; the portal takes each block once, within five minutes.
"use strict";

const READER = "https://localhost:5066";
const form = document.getElementById("block");
const trouble = document.getElementById("trouble");
const waiting = document.getElementById("waiting");
const buttons = [...form.querySelectorAll("button[data-reader]")];

function busy(is) {
  for (const button of buttons) button.disabled = is;
  waiting.hidden = !is;
}

function refuse(text) {
  trouble.textContent = text;
  trouble.hidden = false;
  busy(false);
}

async function signed(path) {
  const reply = await fetch(READER + path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ serviceType: form.dataset.serviceType }),
    signal: AbortSignal.timeout(10_000),
  });
  return reply.json();
}

async function signIn(path) {
  trouble.hidden = true;
  busy(true);
  let block;
  try {
    block = await signed(path);
  } catch {
    return refuse(form.dataset.unreachable);
  }
  if (block.statusCode !== 0) return refuse(form.dataset.absent.replace("%s", block.statusCode));
  for (const name of ["clientRandom", "hospitalId", "samId", "hpcId", "hpcIdNo", "signature"])
    form.elements[name].value = block[name] ?? "";
  form.submit();
}

for (const button of buttons) button.addEventListener("click", () => signIn(button.dataset.reader));
busy(false);
