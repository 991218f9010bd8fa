//! A wire format on a connection: played audio out, what the peer says in.

use std::sync::Arc;

use bytes::Bytes;
use pipecat_rs_transport::websocket::{
    Closed, ClosedBy, Limits, Listener, ServerSettings, WireReceiver, WireSink, share,
};
use pipecat_rs_transport::{Refusal, Sink};
use pipecat_rs_wire::{Audio, Incoming, Message, Rates, Serializer, WireError};
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::support::{End, Site, binary, client, piped, text};

/// A format that counts its messages, so that one that is lost or made twice shows.
#[derive(Default)]
struct Counting(u8);

impl Serializer for Counting {
    fn format(&self) -> &'static str {
        "counting"
    }

    fn set_rates(&mut self, _rates: Rates) {}

    fn audio(&mut self, audio: &Audio) -> Result<Option<Message>, WireError> {
        match audio.samples.first() {
            None => Ok(None),
            Some(0xff) => Err(WireError::Malformed { format: "counting", what: "too loud".to_owned() }),
            Some(_) => {
                self.0 += 1;
                Ok(Some(binary([&[self.0], &audio.samples[..]].concat())))
            }
        }
    }

    fn interruption(&mut self) -> Option<Message> {
        Some(text("clear"))
    }

    fn mark(&mut self, name: &str) -> Option<Message> {
        Some(text(&format!("mark {name}")))
    }

    fn decode(&mut self, message: &Message, said: &mut Vec<Incoming>) -> Result<(), WireError> {
        let Message::Text(text) = message else {
            return Err(WireError::Malformed { format: "counting", what: "not text".to_owned() });
        };
        for word in text.split(' ') {
            said.push(match word {
                "ping" => Incoming::Reply(Message::Text("pong".to_owned())),
                word => Incoming::Text(word.to_owned()),
            });
        }
        Ok(())
    }
}

#[derive(Debug, PartialEq)]
enum Told {
    Said(Incoming),
    Malformed(WireError),
    Closed(Closed),
}

struct Ears(UnboundedSender<Told>);

impl Listener for Ears {
    fn incoming(&self, incoming: Incoming) {
        self.0.send(Told::Said(incoming)).unwrap();
    }

    fn malformed(&self, error: WireError) {
        self.0.send(Told::Malformed(error)).unwrap();
    }

    fn closed(&self, closed: Closed) {
        self.0.send(Told::Closed(closed)).unwrap();
    }
}

async fn call(site: &mut Site) -> (WireSink, UnboundedReceiver<Told>, End) {
    let client = client(&site.url()).await;
    let server = site.accept().await;
    let serializer = share(Box::new(Counting::default()));
    let (sender, told) = unbounded_channel();
    let receiver = WireReceiver::new(server.clone(), serializer.clone(), Arc::new(Ears(sender)));
    server.receive(Arc::new(receiver));
    (WireSink::new(server, serializer, 16_000, 1), told, End::of(client))
}

#[tokio::test]
async fn a_conversation() {
    let mut site = Site::new(ServerSettings::default());
    let (sink, mut told, mut client) = call(&mut site).await;
    client.connection.send(text("hello ping world")).unwrap();
    assert_eq!(client.message().await, text("pong"));
    for word in ["hello", "world"] {
        assert_eq!(told.recv().await, Some(Told::Said(Incoming::Text(word.to_owned()))));
    }
    client.connection.send(binary("noise")).unwrap();
    let malformed = WireError::Malformed { format: "counting", what: "not text".to_owned() };
    assert_eq!(told.recv().await, Some(Told::Malformed(malformed)));

    sink.try_write(Bytes::new()).unwrap(); // the format has nothing to send for it
    sink.try_write(Bytes::from_static(b"ab")).unwrap();
    sink.send_with(|serializer| serializer.mark("end")).unwrap();
    assert_eq!(client.message().await, binary(b"\x01ab".to_vec()));
    assert_eq!(client.message().await, text("mark end"));
    let failed = sink.try_write(Bytes::from_static(b"\xff")).unwrap_err();
    assert!(matches!(&failed, Refusal::Failed(why) if why.contains("too loud")), "{failed:?}");

    client.connection.close(1_000, "bye");
    let Some(Told::Closed(closed)) = told.recv().await else { panic!("the end is told") };
    assert_eq!((closed.kind, closed.reason.as_str()), (ClosedBy::Peer, "bye"));
    assert!(matches!(sink.try_write(Bytes::from_static(b"ab")), Err(Refusal::Closed)));
    sink.interrupt();
    sink.room().await;
    assert_eq!(told.recv().await, None, "the connection lets go of its receiver");
}

#[tokio::test]
async fn an_interruption_takes_back_what_is_not_on_its_way() {
    let mut site = Site::new(ServerSettings::default());
    let (sink, _told, mut client) = call(&mut site).await;
    sink.try_write(Bytes::from_static(b"old")).unwrap();
    sink.send_with(|serializer| serializer.mark("kept")).unwrap();
    sink.try_write(Bytes::from_static(b"old")).unwrap();
    sink.interrupt();
    sink.try_write(Bytes::from_static(b"new")).unwrap();
    assert_eq!(client.message().await, text("mark kept"));
    assert_eq!(client.message().await, text("clear"));
    assert_eq!(client.message().await, binary(b"\x03new".to_vec()));
}

#[tokio::test(start_paused = true)]
async fn a_full_sink_gives_the_chunk_back_and_tells_when_there_is_room() {
    let limits = Limits { send_queue_messages: 2, ..Limits::default() };
    let (connection, mut far) = piped(limits, 100).await;
    let sink = WireSink::new(connection, share(Box::new(Counting::default())), 16_000, 1);
    let chunk = Bytes::from(vec![7; 20_000]);
    sink.try_write(chunk.clone()).unwrap();
    tokio::task::yield_now().await; // it is on its way, and the pipe is full
    sink.try_write(Bytes::from_static(b"a")).unwrap();
    sink.try_write(Bytes::from_static(b"b")).unwrap();
    let Err(Refusal::Full(back)) = sink.try_write(chunk.clone()) else { panic!("it is full") };
    assert_eq!(back, chunk);
    let read = async {
        let mut bytes = vec![0; 20_005];
        far.read_exact(&mut bytes).await.unwrap();
        far
    };
    let ((), mut far) = tokio::join!(sink.room(), read);
    sink.try_write(Bytes::from_static(b"c")).unwrap();
    let mut bytes = [0; 12];
    far.read_exact(&mut bytes).await.unwrap();
    assert_eq!(bytes, *b"\x82\x02\x02a\x82\x02\x03b\x82\x02\x04c", "no number was lost or given twice");

    // An interruption makes room, and goes out however full it is.
    sink.interrupt();
}
