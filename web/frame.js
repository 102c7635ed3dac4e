// Put before a report in its frame: it opens where the one before was scrolled to, and says when it is scrolled.
document.addEventListener("DOMContentLoaded", () => {
  const place = Number(window.name) || 0;
  const open = () => scrollTo(0, place);
  open();
  if (place) {
    // Until charts and images are drawn it may be too short for that place; who scrolls meanwhile is left alone.
    const growing = new ResizeObserver(open);
    const leave = () => growing.disconnect();
    growing.observe(document.documentElement);
    for (const event of ["wheel", "touchstart", "pointerdown", "keydown"]) {
      addEventListener(event, leave, { once: true, passive: true });
    }
    addEventListener("load", () => setTimeout(leave, 1000));
  }
  addEventListener("scroll", () => parent.postMessage({ scrolled: scrollY }, "*"), { passive: true });
});
