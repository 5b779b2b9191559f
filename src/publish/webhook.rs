//! A message to a chat or a program. Its address is a secret: whoever knows it can write there.

use std::time::Duration;

use serde_json::Value;

use super::Outcome;
use crate::connect::{self, causes};

const WHAT: &str = "message";

/// Sends the message, once: a second one would be read twice. The address appears in no answer.
pub async fn publish(address: &str, message: &Value, certificates: Option<&[u8]>) -> Outcome {
    let refused = |why: String| Outcome::Refused { what: WHAT, why };
    if !address.starts_with("https://") && !address.starts_with("http://127.0.0.1") {
        return refused("the address of the webhook must begin with https://".into());
    }
    let client = match connect::client(certificates) {
        Ok(client) => client,
        Err(why) => return refused(why),
    };
    for wait in [None, Some(())] {
        let sent = client.post(address).json(message).send().await;
        let response = match sent {
            Ok(response) => response,
            Err(error) => return refused(causes(&error.without_url())),
        };
        let status = response.status().as_u16();
        let after =
            response.headers().get("retry-after").and_then(|text| text.to_str().ok()?.trim().parse::<f64>().ok());
        match (status, after, wait) {
            (200..=299, ..) => return Outcome::Posted { what: WHAT, url: None },
            // It says that it has not taken it.
            (429, Some(seconds), None) if seconds <= 60.0 => {
                tokio::time::sleep(Duration::from_secs_f64(seconds.max(0.0) + 0.1)).await;
            }
            _ => return refused(format!("the webhook answers with status {status}")),
        }
    }
    refused("the webhook's rate limit is used up".into())
}
