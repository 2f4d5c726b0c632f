using System.Net;
using System.Net.Http.Headers;
using DistSgd.ParamServer.Services;
using DistSgd.Protos.V1;
using Google.Protobuf;
using Grpc.Core;

namespace DistSgd.ParamServer.Tests.Services;

/// <summary>Calls on a server whose memory for them is too small.</summary>
public sealed class CallMemoryTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task PushAndPull_ThatIsRefusedAfterItsAnswerWasReserved_HasItsStatusInOneFrame()
    {
        await using var server = await RunningJob.StartAsync(Jobs.Make(100_000), shards: 1);
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
        await using var server = await RunningJob.StartAsync(Jobs.Make(100_000), shards: 1, new ServerLimits { CallMemoryBytesMax = 300_000 });
        var client = new Parameters.ParametersClient(server.Channel);
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
