// Shows how far an upload has come. Without this script the form works all the same.
"use strict";
for (const form of document.querySelectorAll("form[data-progress]")) {
  form.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!button || button.name !== "send" || !window.FormData) return;
    event.preventDefault();
    const bar = form.querySelector("progress");
    const request = new XMLHttpRequest();
    bar.hidden = false;
    button.disabled = true;
    request.upload.addEventListener("progress", (at) => {
      if (at.lengthComputable) bar.value = (100 * at.loaded) / at.total;
    });
    request.addEventListener("load", () => {
      const next = request.getResponseHeader("Location");
      if (request.status === 201 && next) {
        window.location.assign(next);
        return;
      }
      const page = new DOMParser().parseFromString(request.responseText, "text/html");
      document.querySelector("main").replaceWith(page.querySelector("main"));
      const faults = document.querySelector(".errors");
      if (faults) faults.focus();
    });
    request.addEventListener("error", () => {
      bar.hidden = true;
      button.disabled = false;
      form.submit();
    });
    request.open("POST", form.action);
    request.setRequestHeader("X-Requested-With", "progress");
    const told = new FormData(form);
    told.append("send", "");
    request.send(told);
  });
}
