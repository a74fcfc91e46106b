//! What a client sees that has no `.proto` file: health and reflection. It knows nothing of settlements.

use futures_util::stream;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::{v1, v1alpha};

use super::{Desk, TestDoor};

#[tokio::test]
async fn every_service_says_that_it_serves() {
    let (desk, _asked) = Desk::new();
    let door = TestDoor::open(desk);
    let mut health = HealthClient::new(door.channel().await);
    for service in [
        "",
        "yibao.v1.SettlementService",
        "yibao.v1.DeviceService",
        "yibao.v1.DispenseService",
        "yibao.v1.IdentityService",
        "yibao.v1.PrintService",
        "yibao.v1.DaemonService",
    ] {
        let request = HealthCheckRequest {
            service: service.into(),
        };
        let response = health.check(request).await.unwrap().into_inner();
        assert_eq!(response.status(), ServingStatus::Serving, "{service}");
    }
    door.close().await;
}

#[tokio::test]
async fn reflection_v1_lists_every_service() {
    use v1::server_reflection_request::MessageRequest;
    use v1::server_reflection_response::MessageResponse;

    let (desk, _asked) = Desk::new();
    let door = TestDoor::open(desk);
    let request = v1::ServerReflectionRequest {
        message_request: Some(MessageRequest::ListServices(String::new())),
        ..Default::default()
    };
    let mut client =
        v1::server_reflection_client::ServerReflectionClient::new(door.channel().await);
    let answers = client
        .server_reflection_info(stream::iter([request]))
        .await
        .unwrap();
    let answer = answers.into_inner().message().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("a list of services")
    };
    let mut names: Vec<_> = list
        .service
        .into_iter()
        .map(|service| service.name)
        .collect();
    names.sort();
    let expected = [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "yibao.v1.DaemonService",
        "yibao.v1.DeviceService",
        "yibao.v1.DispenseService",
        "yibao.v1.IdentityService",
        "yibao.v1.PrintService",
        "yibao.v1.SettlementService",
    ];
    assert_eq!(names, expected);
    door.close().await;
}

#[tokio::test]
async fn reflection_v1alpha_gives_files_also_those_of_others() {
    use v1alpha::server_reflection_request::MessageRequest;
    use v1alpha::server_reflection_response::MessageResponse;

    let (desk, _asked) = Desk::new();
    let door = TestDoor::open(desk);
    let mut client =
        v1alpha::server_reflection_client::ServerReflectionClient::new(door.channel().await);
    for symbol in [
        "grpc.health.v1.Health",
        "yibao.v1.SettlementService.ScanAndPay",
        "google.rpc.ErrorInfo",
    ] {
        let request = v1alpha::ServerReflectionRequest {
            message_request: Some(MessageRequest::FileContainingSymbol(symbol.into())),
            ..Default::default()
        };
        let answers = client
            .server_reflection_info(stream::iter([request]))
            .await
            .unwrap();
        let answer = answers.into_inner().message().await.unwrap().unwrap();
        let Some(MessageResponse::FileDescriptorResponse(file)) = answer.message_response else {
            panic!("a file with {symbol}")
        };
        assert_eq!(file.file_descriptor_proto.len(), 1, "{symbol}");
    }
    door.close().await;
}
