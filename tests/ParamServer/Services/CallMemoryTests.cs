using System.Net;
using System.Net.Http.Headers;
using DistSgd.ParamServer.Hosting;
using DistSgd.ParamServer.Services;
using DistSgd.Protos.V1;
using DistSgd.Shared.Jobs;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace DistSgd.ParamServer.Tests.Services;

/// <summary>Calls on a server whose memory for them is too small.</summary>
public sealed class CallMemoryTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task PushAndPull_ThatIsRefusedAfterItsAnswerWasReserved_HasItsStatusInOneFrame()
    {
        await using ServerHost server = await ServerHost.StartAsync(new ServerOptions { Listen = "127.0.0.1:0" }, CancellationToken.None);
        using GrpcChannel channel = GrpcChannel.ForAddress($"http://{server.Address}");
        await new Protos.V1.Shards.ShardsClient(channel).ActivateAsync(new ActivateRequest { Spec = Jobs.Make(100_000).ToMessage() }, deadline: DateTime.UtcNow + Patience);
        var push = new Push { Name = new PushName { Source = 1, Sequence = 1 }, Kind = PushKind.Delta, Keys = new ShardKeys { Count = 1 }, Values = ByteString.CopyFrom(BitConverter.GetBytes(float.NaN)) };
        byte[] request = new PushPullRequest { Job = Jobs.Make().Name, Push = push, Pull = new Pull { Keys = new ShardKeys { Count = 100_000 } } }.ToByteArray();
        using var http = new HttpClient { DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };
        using var content = new ByteArrayContent([0, 0, 0, 0, (byte)request.Length, .. request]);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        using HttpResponseMessage response = await http.PostAsync(new Uri($"http://{server.Address}/distsgd.v1.Parameters/PushPull"), content).WaitAsync(Patience);
        // Trailers alone: a status in the headers, and no body that begins.
        Assert.Equal(["11"], response.Headers.GetValues("grpc-status"));
        Assert.Equal(0, response.Content.Headers.ContentLength);
    }

    [Fact]
    public async Task PushAndPull_WhoseAnswerHasNoRoom_IsRefusedBeforeThePushIsApplied()
    {
        await using ServerHost server = await ServerHost.StartAsync(new ServerOptions { Listen = "127.0.0.1:0", Limits = new ServerLimits { CallMemoryBytesMax = 300_000 } }, CancellationToken.None);
        using GrpcChannel channel = GrpcChannel.ForAddress($"http://{server.Address}");
        await new Protos.V1.Shards.ShardsClient(channel).ActivateAsync(new ActivateRequest { Spec = Jobs.Make(100_000).ToMessage() }, deadline: DateTime.UtcNow + Patience);
        var client = new Parameters.ParametersClient(channel);
        var push = new Push { Name = new PushName { Source = 1, Sequence = 1 }, Kind = PushKind.Delta, Keys = new ShardKeys { Count = 1 }, Values = ByteString.CopyFrom(BitConverter.GetBytes(1f)) };
        RpcException refused = await Assert.ThrowsAsync<RpcException>(async () => await client.PushPullAsync(
            new PushPullRequest { Job = Jobs.Make().Name, Push = push, Pull = new Pull { Keys = new ShardKeys { Count = 100_000 } } }, deadline: DateTime.UtcNow + Patience));
        Assert.Equal(StatusCode.ResourceExhausted, refused.StatusCode);
        Assert.Contains("too few for a response of 400", refused.Status.Detail, StringComparison.Ordinal);
        PushPullResponse answer = await client.PushPullAsync(
            new PushPullRequest { Job = Jobs.Make().Name, Push = push, Pull = new Pull { Keys = new ShardKeys { Count = 1 } } }, deadline: DateTime.UtcNow + Patience);
        Assert.False(answer.Duplicate);
        Assert.Equal(1UL, answer.Version);
    }
}
