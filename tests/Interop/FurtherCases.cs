using DistSgd.Interop.Tests.Testing;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Grpc.Health.V1;
using Status = Google.Rpc.Status;

namespace DistSgd.Interop.Tests;

/// <summary>Cases beyond the specification's, on our client: what else peers of gRPC expect of one another.</summary>
internal sealed class FurtherCases(CallInvoker invoker)
{
    private readonly Testing.TestService.TestServiceClient _client = new(invoker);

    /// <summary>Every byte, and none.</summary>
    public async Task BinaryMetadata()
    {
        await new Cases(invoker).MetadataComesBackAsync("plain, with comma", [.. Enumerable.Range(0, 256).Select(i => (byte)i)]);
        await new Cases(invoker).MetadataComesBackAsync("plain, with comma", []);
    }

    /// <summary>Several values of one name, one of them empty, in their order.</summary>
    public Task RepeatedBinaryMetadata() => new Cases(invoker).MetadataComesBackAsync("x", [1, 2], [], [0]);

    public async Task RichErrorDetails()
    {
        var sent = new Status
        {
            Code = (int)StatusCode.InvalidArgument,
            Message = "the rate isn't positive: −1",
            Details = { Any.Pack(new BadRequest { FieldViolations = { new BadRequest.Types.FieldViolation { Field = "rate", Description = "must be positive" } } }) },
        };
        var request = new SimpleRequest { ResponseStatus = new EchoStatus { Code = sent.Code, Message = sent.Message } };
        var headers = new Metadata { { "x-test-details-bin", sent.ToByteArray() } };
        var e = await Cases.FailsAsync(StatusCode.InvalidArgument, async () => await _client.UnaryCallAsync(request, headers, Cases.Late));
        Assert.Equal(sent.Message, e.Status.Detail);
        Assert.Equal("rate", e.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations.Single().Field);
    }

    public async Task HealthCheck()
    {
        var health = new Health.HealthClient(invoker);
        var request = new HealthCheckRequest { Service = Testing.TestService.Descriptor.FullName };
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, (await health.CheckAsync(request, deadline: Cases.Late)).Status);
        await Cases.FailsAsync(StatusCode.NotFound, async () => await health.CheckAsync(new HealthCheckRequest { Service = "no.such.Service" }, deadline: Cases.Late));
        using var watch = health.Watch(request, deadline: Cases.Late);
        Assert.True(await watch.ResponseStream.MoveNext());
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, watch.ResponseStream.Current.Status);
    }
}
