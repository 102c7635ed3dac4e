// Put before a report in its frame: it opens where the one before was scrolled to, and says when it is scrolled.
document.addEventListener("DOMContentLoaded", () => {
  scrollTo(0, Number(window.name) || 0);
  addEventListener("scroll", () => parent.postMessage({ scrolled: scrollY }, "*"), { passive: true });
});
