import createClient from "openapi-fetch";
import type { paths } from "./api.js";

const [url, slug, token] = process.argv.slice(2);
const api = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${token}` } });

function ensure(fine: boolean, what: string): asserts fine {
  if (!fine) throw new Error(what);
}

const created = await api.POST("/o/{slug}/api/v1/users", {
  params: { path: { slug } },
  body: { given_name: "Tess", family_name: "Script", email: "tess@clients.example" },
});
ensure(created.data !== undefined && "id" in created.data, JSON.stringify(created.error));
const id = created.data.id;

const path = { slug, id };
const read = await api.GET("/o/{slug}/api/v1/users/{id}", { params: { path } });
ensure(read.data?.display_name === "Tess Script", JSON.stringify(read));

const etag = read.response.headers.get("etag") ?? "";
const edited = await api.PATCH("/o/{slug}/api/v1/users/{id}", {
  params: { path, header: { "If-Match": etag } },
  body: { title: "Engineer" },
});
ensure(edited.data !== undefined && "title" in edited.data && edited.data.title === "Engineer", JSON.stringify(edited));

const listed = await api.GET("/o/{slug}/api/v1/users", { params: { path: { slug }, query: { search: "tess@clients", limit: 10 } } });
ensure(listed.data?.items.length === 1, JSON.stringify(listed));

const activated = await api.POST("/o/{slug}/api/v1/users/{id}/set-password", { params: { path }, body: {} });
ensure(activated.data !== undefined && "status" in activated.data && activated.data.status === "active", JSON.stringify(activated));

const suspended = await api.POST("/o/{slug}/api/v1/users/{id}/suspend", { params: { path }, body: { reason: "left", note: "" } });
ensure(suspended.data !== undefined && "status" in suspended.data && suspended.data.status === "suspended", JSON.stringify(suspended));

const again = await api.POST("/o/{slug}/api/v1/users/{id}/suspend", { params: { path }, body: { reason: "left", note: "" } });
ensure(again.error?.code === "user.already_suspended", JSON.stringify(again));
console.log("TypeScript: created, read, edited, listed and suspended a user.");
