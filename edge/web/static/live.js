// Keeps [data-live] regions fresh: every 2 s while something runs, every 10 s otherwise, not at all
// while the tab is hidden. The server answers 304 when nothing changed. Without this script a
// running page reloads itself by a meta tag.
(function () {
  "use strict";
  var region = document.querySelector("[data-live]");
  if (!region || !window.fetch || !window.DOMParser) return;
  var etag = "", timer = 0, busy = false, failures = 0;
  var url = new URL(location.href);
  url.hash = "";
  url.searchParams.set("fragment", "1");

  function delay() {
    if (failures) return Math.min(30000, 2000 * Math.pow(2, failures - 1));
    return region.dataset.active === "1" ? 2000 : 10000;
  }
  function plan() {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(poll, delay());
  }
  function atBottom() {
    return window.innerHeight + window.scrollY >= document.documentElement.scrollHeight - 60;
  }
  function isReading() {
    var s = window.getSelection();
    return s && !s.isCollapsed && region.contains(s.anchorNode);
  }
  function swap(html) {
    var fresh = new DOMParser().parseFromString(html, "text/html").getElementById(region.id);
    if (!fresh) return false;
    if (fresh.innerHTML === region.innerHTML) {
      region.dataset.active = fresh.dataset.active;
      return true;
    }
    if (isReading()) return false;
    var follow = region.hasAttribute("data-tail") && atBottom();
    var open = [], sideways = {}, focus = document.activeElement;
    region.querySelectorAll("details[id][open]").forEach(function (d) { open.push(d.id); });
    region.querySelectorAll("[id]").forEach(function (e) { if (e.scrollLeft) sideways[e.id] = e.scrollLeft; });
    if (open.indexOf("stop-confirm") >= 0 && fresh.dataset.active === "1" && region.contains(focus)) return false;
    region.replaceChildren.apply(region, fresh.childNodes);
    region.dataset.active = fresh.dataset.active;
    open.forEach(function (id) { var d = document.getElementById(id); if (d) d.open = true; });
    Object.keys(sideways).forEach(function (id) { var e = document.getElementById(id); if (e) e.scrollLeft = sideways[id]; });
    if (follow) window.scrollTo(0, document.documentElement.scrollHeight);
    return true;
  }
  function offline(on) {
    var sign = document.getElementById("offline");
    if (sign) sign.hidden = !on;
  }
  function poll() {
    if (busy) return;
    busy = true;
    var abort = new AbortController();
    var limit = setTimeout(function () { abort.abort(); }, 15000);
    fetch(url, { headers: etag ? { "If-None-Match": etag } : {}, cache: "no-store", signal: abort.signal })
      .then(function (answer) {
        if (answer.status === 304) return null;
        if (!answer.ok) throw new Error(String(answer.status));
        return answer.text().then(function (html) {
          if (swap(html)) etag = answer.headers.get("ETag") || "";
        });
      })
      .then(function () { failures = 0; }, function () { failures += 1; })
      .then(function () {
        clearTimeout(limit);
        busy = false;
        offline(failures > 1);
        plan();
      });
  }
  document.addEventListener("visibilitychange", function () {
    clearTimeout(timer);
    if (!document.hidden) poll();
  });
  if (region.hasAttribute("data-tail") && region.dataset.active === "1") {
    window.scrollTo(0, document.documentElement.scrollHeight);
  }
  plan();
})();
