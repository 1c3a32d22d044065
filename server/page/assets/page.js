// The pages are complete without this script. It fetches what a link or a search leads to,
// puts it in place of what is shown, and does the same after each event of the server.
const html = document.documentElement
const root = new URL(html.dataset.root, location)
const parts = ["nav", "banners", "main"]
const $ = (id) => document.getElementById(id)
html.classList.add("js")

// Times are shown in the time zone of the reader.
const sameDay = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" })
const otherDay = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" })
function localize(time) {
  const t = new Date(time.dateTime)
  time.title = t.toISOString()
  time.textContent = (t.toDateString() === new Date().toDateString() ? sameDay : otherDay).format(t)
}

// morph makes an element like another one. What is the same stays, with focus and selection.
// It returns whether something of the element itself differed.
function morph(a, b, fresh) {
  let changed = false
  if (fresh && a.matches("[data-shown]") && a.dataset.of === b.dataset.of) return changed // see refresh
  for (const { name } of [...a.attributes]) if (!b.hasAttribute(name)) a.removeAttribute(name)
  for (const { name, value } of b.attributes) if (a.getAttribute(name) !== value) a.setAttribute(name, value)
  if (a.matches("input[type=search]")) {
    if (a !== document.activeElement) a.value = b.value
    return changed
  }
  const keyed = new Map()
  for (const child of a.children) if (child.dataset.key) keyed.set(child.dataset.key, child)
  let at = a.firstChild
  for (const next of [...b.childNodes]) {
    const key = next.dataset?.key
    const old = key === undefined ? at : keyed.get(key)
    if (!old || old.nodeName !== next.nodeName || old.dataset?.key !== key) {
      a.insertBefore(next, at)
      if (key !== undefined && fresh) mark(next)
      changed = true
      continue
    }
    if (old === at) at = at.nextSibling
    else a.insertBefore(old, at)
    if (old.nodeType === Node.ELEMENT_NODE) {
      if (morph(old, next, fresh)) {
        if (key !== undefined && fresh) mark(old)
        changed = true
      }
    } else if (old.data !== next.data) {
      old.data = next.data
      changed = true
    }
  }
  while (at) {
    const next = at.nextSibling
    at.remove()
    at = next
    changed = true
  }
  return changed
}

// mark shows for a moment that an element is new or has changed.
function mark(element) {
  element.classList.add("fresh")
  setTimeout(() => element.classList.remove("fresh"), 3000)
}

// load shows a page in place of this one. A newer load ends it.
let loading
let since = Number(html.dataset.now) // when the data that is shown was last known to be current
async function load(url, { fresh = false, push = false, replace = false } = {}) {
  loading?.abort()
  const own = (loading = new AbortController())
  try {
    const response = await fetch(url, { headers: { Accept: "text/html" }, signal: own.signal })
    const page = new DOMParser().parseFromString(await response.text(), "text/html")
    if (own.signal.aborted) return
    if (!page.getElementById("main")) throw new Error("not a page")
    page.querySelectorAll("time").forEach(localize)
    if (push) history.pushState(null, "", url)
    if (replace) history.replaceState(null, "", url)
    document.title = page.title
    html.dataset.hash = page.documentElement.dataset.hash
    for (const id of parts) morph($(id), page.getElementById(id), fresh)
    show()
  } catch (err) {
    if (err.name === "AbortError") return
    if (push) location = url
    else again()
  } finally {
    if (loading === own) loading = undefined
  }
}

// Search as you type.
let typed
const search = (form) => {
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value.trim()))
  return new URL("?" + query, root)
}
document.addEventListener("input", (event) => {
  if (event.target.id !== "q") return
  clearTimeout(typed)
  typed = setTimeout(() => load(search(event.target.form), { replace: true }), 15)
})
document.addEventListener("submit", (event) => {
  if (event.target.id !== "search") return
  event.preventDefault()
  clearTimeout(typed)
  load(search(event.target), { push: true })
})
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-nav]")
  if (link && event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey) {
    event.preventDefault()
    follow(link)
  }
  const copy = event.target.closest("[data-copy]")
  if (copy) copyText(copy, $(copy.dataset.copy))
  if (event.target.closest("[data-keys]")) $("keys").showModal()
})
async function follow(link) {
  const pages = link.closest(".pager")
  const text = link.textContent
  await load(link.href, { push: true })
  if (pages) $("count").scrollIntoView({ block: "nearest" })
  // The link may be gone. Its place in the page is kept for the keyboard.
  if (!document.activeElement || document.activeElement === document.body) {
    const same = [...document.querySelectorAll("a[data-nav]")].find((other) => other.textContent === text)
    ;(same ?? $("main")).focus({ preventScroll: true })
  }
}
addEventListener("popstate", async () => {
  await load(location.href)
  const q = $("q")
  if (q) q.value = new URL(location).searchParams.get("q") ?? ""
})

// Copy a text as it is, not as it is shown: some characters are shown as their number.
async function copyText(button, source) {
  const copy = source.cloneNode(true)
  copy.querySelectorAll("[data-char]").forEach((c) => c.replaceWith(String.fromCodePoint(c.dataset.char)))
  const text = copy.textContent
  try {
    await navigator.clipboard.writeText(text)
  } catch {
    getSelection().selectAllChildren(source)
    document.execCommand("copy") // where the clipboard needs https
  }
  const label = button.firstChild
  label.data = "Copied"
  setTimeout(() => (label.data = "Copy"), 1500)
}

// Keys. People who speak to their computer may turn them off.
const useKeys = $("use-keys")
useKeys.checked = localStorage.getItem("keys") !== "off"
useKeys.addEventListener("change", () => localStorage.setItem("keys", useKeys.checked ? "on" : "off"))
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, textarea, select")
  if (event.metaKey || event.ctrlKey || event.altKey || $("keys").open || !useKeys.checked) return
  const rows = [...document.querySelectorAll("tbody th a, .changes li a")]
  const at = rows.indexOf(document.activeElement)
  const go = {
    "/": () => $("q") ? ($("q").focus(), $("q").select()) : (location = root),
    "?": () => $("keys").showModal(),
    n: () => document.querySelector("a[rel=next]")?.click(),
    p: () => document.querySelector("a[rel=prev]")?.click(),
    ArrowDown: () => rows[Math.min(at + 1, rows.length - 1)]?.focus(),
    ArrowUp: () => (at > 0 ? rows[at - 1].focus() : at === 0 && $("q")?.focus()),
    Escape: () => document.activeElement?.blur(),
  }[event.key]
  if (!go || (typing && !["ArrowDown", "Escape"].includes(event.key))) return
  if (event.key.startsWith("Arrow") && !rows.length) return
  if (event.key === "Escape" && !typing) return
  event.preventDefault()
  go()
})

// Follow the events of the server.
let source
let connected = false
let wasConnected = false
let timer
let delay = 0
function connect() {
  clearTimeout(timer)
  source?.close()
  source = new EventSource(new URL("v1/events", root))
  source.onopen = () => {
    delay = 0
    if (!wasConnected) return // the snapshot says more
    connected = true // although nothing may have happened
    refresh()
  }
  source.onmessage = ({ data }) => {
    const event = JSON.parse(data)
    if (event.type === "bye") return lost()
    // The first snapshot is most often what the page already shows.
    if (event.type !== "snapshot" || event.hash !== html.dataset.hash) refresh()
    connected = wasConnected = true
    show()
  }
  source.onerror = () => {
    lost()
    if (source.readyState === EventSource.CLOSED) again()
  }
}
function lost() {
  if (connected) since = Date.now()
  connected = false
  show()
}
// again connects again after a delay, which grows.
function again() {
  lost()
  delay = Math.min(delay * 2 + 500, 15000)
  clearTimeout(timer)
  timer = setTimeout(connect, delay * (0.75 + Math.random() / 2))
}

// refresh fetches what is shown. Events during a fetch lead to one more. A record that is shown
// stays, unless its dataset has changed: the server may have to download it.
let refreshing = false
let stale = false
async function refresh() {
  stale = true
  if (refreshing) return
  refreshing = true
  while (stale) {
    stale = false
    while (loading) await new Promise((done) => setTimeout(done, 50))
    const url = new URL(location)
    const shown = $("record")?.matches("[data-shown]")
    if (shown) for (const name of ["layer", "index"]) url.searchParams.delete(name)
    await load(url, { fresh: true })
    if (shown && $("record")?.matches(":not([data-shown])")) stale = true
  }
  refreshing = false
}

// show says whether the page is live, or since when its data is.
function show() {
  const live = $("live")
  const state = connected ? "on" : "off"
  if (live.className === state) return
  live.className = state
  html.dataset.live = connected
  const time = Object.assign(document.createElement("time"), { dateTime: new Date(since).toISOString() })
  localize(time)
  if (connected) live.replaceChildren("Live")
  else live.replaceChildren("Connection lost. Data from ", time)
}

// A tab that nobody sees holds no connection: browsers have few for each server.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    source?.close()
    clearTimeout(timer)
  } else connect()
})
document.querySelectorAll("time").forEach(localize)
connect()

// Not everything is an event: whether the source can be read, for example.
setInterval(() => connected && !document.hidden && refresh(), 15000)
