// Code that the rules must refuse. `run` fails if one of these lines passes.
const unused = 1;
undefinedThing();
AbortSignal.timeout(1);
new BroadcastChannel("planted");
structuredClone({});
"a".replaceAll("a", "b");
[1].at(-1);
Object.hasOwn({}, "a");
Promise.any([]);
let assigned;
assigned ||= 1;
document.body.replaceChildren();
