"""XMPP users on slixmpp, told by lines of JSON what to do; writes each stanza that comes as a line of JSON."""
import asyncio
import json
import logging
import sys
import threading

from slixmpp import ClientXMPP, JID
from slixmpp.xmlstream import ET, tostring

logging.disable(logging.CRITICAL)


def say(**event):
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


class User(ClientXMPP):
    def __init__(self, name, domain):
        super().__init__(JID(f"{name}@{domain}/phone"), "secret")
        self.name = name
        # Subscriptions are decided by the test.
        self.roster.auto_authorize = None
        self.roster.auto_subscribe = False
        for plugin in ("xep_0030", "xep_0045", "xep_0085", "xep_0184", "xep_0199", "xep_0249", "xep_0333", "xep_0054"):
            self.register_plugin(plugin)
        self["xep_0184"].auto_ack = True
        self.add_event_handler("session_start", self.started)
        self.add_event_handler("failed_all_auth", lambda _: say(user=name, event="refused"))
        self.add_filter("in", self.came)

    async def started(self, _):
        self.send_presence(ppriority=5)
        await self.get_roster()
        say(user=self.name, event="ready")

    def came(self, stanza):
        if stanza.name in ("message", "presence", "iq"):
            say(
                user=self.name,
                event=stanza.name,
                type=stanza.xml.get("type", ""),
                id=stanza.xml.get("id", ""),
                **{"from": stanza.xml.get("from", "")},
                body=stanza.xml.findtext("{jabber:client}body") or "",
                xml=tostring(stanza.xml),
            )
        return stanza

    def do(self, order):
        what = order["do"]
        if what == "message":
            message = self.make_message(order["to"], order["body"], mtype=order.get("type", "chat"))
            message["id"] = order["id"]
            if order.get("receipt"):
                message["request_receipt"] = True
            if order.get("markable"):
                message.enable("markable")
            if order.get("thread"):
                message["thread"] = order["thread"]
            message.send()
        elif what == "marker":
            self["xep_0333"].send_marker(JID(order["to"]), order["id"], "displayed")
        elif what == "state":
            message = self.make_message(order["to"], mtype=order.get("type", "chat"))
            message["chat_state"] = order["state"]
            message.send()
        elif what == "presence":
            self.send_presence(
                pshow=order.get("show"),
                pstatus=order.get("status"),
                ppriority=order.get("priority"),
                pto=order.get("to"),
                ptype=order.get("type"),
            )
        elif what == "join":
            self["xep_0045"].join_muc(JID(order["room"]), order["nick"], maxhistory="0")
        elif what == "leave":
            self["xep_0045"].leave_muc(JID(order["room"]), order["nick"])
        elif what == "configure":
            asyncio.ensure_future(self["xep_0045"].set_room_config(JID(order["room"]), self["xep_0004"].make_form(ftype="submit")))
        elif what == "invite":
            self["xep_0045"].invite(JID(order["room"]), JID(order["to"]), reason="come in")
        elif what == "invite-directly":
            self["xep_0249"].send_invitation(JID(order["to"]), JID(order["room"]), reason="come in")
        elif what == "decline":
            self["xep_0045"].decline(JID(order["room"]), JID(order["to"]))
        elif what == "kick":
            asyncio.ensure_future(self["xep_0045"].set_role(JID(order["room"]), order["nick"], "none"))
        elif what == "ban":
            asyncio.ensure_future(self["xep_0045"].set_affiliation(JID(order["room"]), "outcast", jid=JID(order["jid"])))
        elif what == "destroy":
            asyncio.ensure_future(self["xep_0045"].destroy(JID(order["room"])))
        elif what == "raw":
            self.send_raw(order["xml"])


async def main():
    host, port, domain = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    users = {}
    for name in sys.argv[4:]:
        user = users[name] = User(name, domain)
        user.connect((host, port), use_ssl=False, force_starttls=False, disable_starttls=True)
    loop = asyncio.get_running_loop()

    def read():
        for line in sys.stdin:
            order = json.loads(line)
            loop.call_soon_threadsafe(users[order["user"]].do, order)
        loop.call_soon_threadsafe(sys.exit, 0)

    threading.Thread(target=read, daemon=True).start()
    await asyncio.Event().wait()


asyncio.run(main())
