using DistSgd.ParamServer.Hosting;
using DistSgd.ParamServer.Services;
using DistSgd.Protos.V1;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;
using DistSgd.Shared.Sharding;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Push = DistSgd.Protos.V1.Push;
using PushKind = DistSgd.Shared.Exchange.PushKind;
using PushName = DistSgd.Shared.Exchange.PushName;
using Wire = DistSgd.Protos.V1;

namespace DistSgd.ParamServer.Tests.Services;

/// <summary>A whole server on the loopback, spoken to by our client and by the generated one.</summary>
public sealed class ServerTests
{
    [Fact]
    public async Task Push_SentTwiceOverGrpc_IsAppliedOnceOnEachShard()
    {
        await using var server = await RunningJob.StartAsync(Jobs.Make(63), shards: 3);
        var exchange = new ParameterExchange(3)
        {
            PushKeys = KeySet.Range(0, 64),
            PushValues = Enumerable.Range(0, 64).Select(i => (float)i).ToArray(),
            PushKind = PushKind.Delta,
            PushName = new PushName(5, 1),
            PullKeys = KeySet.List([1, 20, 63]),
            Pulled = new float[3],
        };
        for (int time = 0; time < 2; time++)
        {
            await server.Client.ExecuteAsync(exchange, CancellationToken.None);
            Assert.Equal(time == 1, exchange.Duplicate);
            Assert.Equal((float[])[1f, 20f, 63f], exchange.Pulled.ToArray());
            Assert.Equal((long[])[1, 1, 1], exchange.PulledVersions);
        }
        DescribeResponse described = await new Wire.Shards.ShardsClient(server.Channel).DescribeAsync(new DescribeRequest());
        Assert.Equal(3, described.Shards.Count);
        Assert.All(described.Shards, shard => Assert.Equal((1ul, 1ul, 0ul), (shard.Version, shard.Duplicates, shard.Refused)));
        Assert.Equal(2 * 64 * 4, (long)described.Shards.Sum(shard => (long)shard.BytesPushed));
        Assert.Equal(2 * 3 * 4, (long)described.Shards.Sum(shard => (long)shard.BytesPulled));
    }

    [Fact]
    public async Task GeneratedClient_PushesAndPulls_WhatOurClientSees()
    {
        await using var server = await RunningJob.StartAsync(Jobs.Make(63), shards: 1);
        var client = new Parameters.ParametersClient(server.Channel);
        byte[] values = [.. new[] { 1.5f, -2f }.SelectMany(BitConverter.GetBytes)];
        var push = new Push
        {
            Name = new Wire.PushName { Source = 1, Sequence = 1 },
            Kind = Wire.PushKind.Delta,
            Keys = new ShardKeys { First = 10, Count = 2 },
            Values = ByteString.CopyFrom(values),
        };
        PushPullResponse both = await client.PushPullAsync(new PushPullRequest { Job = "job", Push = push, Pull = new Pull { Keys = new ShardKeys { First = 10, Count = 2 }, Part = Wire.PullPart.Values } });
        Assert.Equal((1ul, false), (both.Version, both.Duplicate));
        Assert.Equal(values, both.Values.ToByteArray());
        PushResponse again = await client.PushAsync(new PushRequest { Job = "job", Push = push });
        Assert.True(again.Duplicate);
        PullResponse pulled = await client.PullAsync(new PullRequest { Job = "job", Pull = new Pull { Keys = new ShardKeys { Count = 1, Keys = ByteString.CopyFrom(11, 0, 0, 0) } } });
        Assert.Equal(values[4..], pulled.Values.ToByteArray());
        var exchange = new ParameterExchange(1) { PullKeys = KeySet.Range(10, 2), Pulled = new float[2] };
        await server.Client.ExecuteAsync(exchange, CancellationToken.None);
        Assert.Equal((float[])[1.5f, -2f], exchange.Pulled.ToArray());
    }

    [Fact]
    public async Task BadRequests_AreAnsweredWithTheirStatusAndChangeNothing()
    {
        await using var server = await RunningJob.StartAsync(Jobs.Make(63), shards: 1, new ServerLimits { MessageBytesMax = 10_000 });
        var client = new Parameters.ParametersClient(server.Channel);
        var good = new PushRequest
        {
            Job = "job",
            Push = new Push { Name = new Wire.PushName { Source = 1, Sequence = 1 }, Kind = Wire.PushKind.Delta, Keys = new ShardKeys { Count = 1 }, Values = ByteString.CopyFrom(BitConverter.GetBytes(1f)) },
        };
        (StatusCode Code, string Says, Action<PushRequest> Break)[] ways =
        [
            (StatusCode.NotFound, "'other'", request => request.Job = "other"),
            (StatusCode.NotFound, "Shard 9", request => request.Shard = 9),
            (StatusCode.NotFound, "4294967295", request => request.Shard = uint.MaxValue),
            (StatusCode.InvalidArgument, "kind", request => request.Push.Kind = Wire.PushKind.Unspecified),
            (StatusCode.InvalidArgument, "counts from 1", request => request.Push.Name = null),
            (StatusCode.InvalidArgument, "beyond", request => request.Push.Keys.First = long.MaxValue),
            (StatusCode.InvalidArgument, "needs 0 values", request => request.Push.Keys = null),
            (StatusCode.OutOfRange, "NaN", request => request.Push.Values = ByteString.CopyFrom(BitConverter.GetBytes(float.NaN))),
            (StatusCode.InvalidArgument, "expected a push", request => request.Push = null),
            (StatusCode.ResourceExhausted, "", request => request.Push.Values = ByteString.CopyFrom(new byte[20_000])),
        ];
        foreach ((StatusCode code, string says, Action<PushRequest> destroy) in ways)
        {
            PushRequest request = good.Clone();
            destroy(request);
            RpcException refused = await Assert.ThrowsAsync<RpcException>(async () => await client.PushAsync(request));
            Assert.True(code == refused.StatusCode, $"{says}: {refused.Status}");
            Assert.Contains(says, refused.Status.Detail, StringComparison.Ordinal);
        }
        RpcException large = await Assert.ThrowsAsync<RpcException>(async () => await client.PullAsync(new PullRequest { Job = "job", Pull = new Pull { Keys = new ShardKeys { Count = int.MaxValue } } }));
        Assert.Equal(StatusCode.InvalidArgument, large.StatusCode);
        RpcException beyond = await Assert.ThrowsAsync<RpcException>(async () => await client.PullAsync(new PullRequest { Job = "job", Pull = new Pull { Keys = new ShardKeys { First = long.MaxValue, Count = 1 } } }));
        Assert.Equal(StatusCode.InvalidArgument, beyond.StatusCode);
        var pushPull = new PushPullRequest { Job = "job", Push = good.Push, Pull = new Pull { Keys = new ShardKeys { First = 64, Count = 1 } } };
        RpcException whole = await Assert.ThrowsAsync<RpcException>(async () => await client.PushPullAsync(pushPull));
        Assert.Equal(StatusCode.InvalidArgument, whole.StatusCode);
        Assert.False((await client.PushAsync(good)).Duplicate);
        PullResponse after = await client.PullAsync(new PullRequest { Job = "job", Pull = new Pull { Keys = new ShardKeys { Count = 64 } } });
        Assert.Equal(1f, BitConverter.ToSingle(after.Values.Span));
        Assert.All(after.Values.Skip(4), part => Assert.Equal(0, part));
    }

    [Fact]
    public async Task Exchanges_BeyondTheBound_AreTurnedAwayForLater()
    {
        await using var server = await RunningJob.StartAsync(Jobs.Make(63), shards: 1, new ServerLimits { ExchangesMax = 0 });
        var client = new Parameters.ParametersClient(server.Channel);
        RpcException busy = await Assert.ThrowsAsync<RpcException>(async () => await client.PullAsync(new PullRequest { Job = "job", Pull = new Pull { Keys = new ShardKeys { Count = 1 } } }));
        Assert.Equal(StatusCode.ResourceExhausted, busy.StatusCode);
        Assert.Contains("try again", busy.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Exchanges_FromManyClientsAtOnce_LoseNoDensePush()
    {
        const int Clients = 4, Pushes = 50;
        await using var server = await RunningJob.StartAsync(Jobs.Make(999), shards: 2);
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(async source =>
        {
            await using GrpcParameterClient client = server.NewClient();
            var exchange = new ParameterExchange(2) { PushKeys = KeySet.Range(0, 1000), PushValues = Enumerable.Repeat(1f, 1000).ToArray(), PushKind = PushKind.Delta };
            for (ulong sequence = 1; sequence <= Pushes; sequence++)
            {
                exchange.PushName = new PushName((ulong)source, sequence);
                await client.ExecuteAsync(exchange, CancellationToken.None);
            }
        }));
        var pull = new ParameterExchange(2) { PullKeys = KeySet.Range(0, 1000), Pulled = new float[1000] };
        await server.Client.ExecuteAsync(pull, CancellationToken.None);
        Assert.All(pull.Pulled.ToArray(), value => Assert.Equal(Clients * Pushes, value));
        Assert.Equal((long[])[Clients * Pushes, Clients * Pushes], pull.PulledVersions);
    }

    [Fact]
    public async Task Activate_MoreThanTheMemory_IsExhausted_AndWithoutASpec_Invalid()
    {
        await using var server = await RunningJob.StartAsync(Jobs.Make(63), shards: 1, new ServerLimits { MemoryBytesMax = 300 });
        var client = new Wire.Shards.ShardsClient(server.Channel);
        JobSpec spec = (Jobs.Make(63) with { Name = "second" }).ToMessage();
        var request = new ActivateRequest { Spec = spec, Shards = { new Wire.ShardPlacement { Count = 64 } } };
        Assert.Equal(StatusCode.ResourceExhausted, (await Assert.ThrowsAsync<RpcException>(async () => await client.ActivateAsync(request))).StatusCode);
        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(async () => await client.ActivateAsync(new ActivateRequest()))).StatusCode);
        await client.DeactivateAsync(new DeactivateRequest { Job = "job" });
        await client.DeactivateAsync(new DeactivateRequest { Job = "job" });
        Assert.Equal(256ul, (await client.ActivateAsync(request)).Bytes);
    }

    [Fact]
    public async Task Start_OnAnAddressThatIsWrongOrTaken_SaysWhich()
    {
        await using ServerHost first = await ServerHost.StartAsync(new ServerOptions { Listen = "127.0.0.1:0" }, CancellationToken.None);
        foreach ((string listen, string says) in ((string, string)[])[(first.Address, first.Address), ("nonsense", "host:port"), ("127.0.0.1:99999", "host:port"), ("no-such-host.invalid:7070", "no-such-host.invalid")])
        {
            ServerStartException refused = await Assert.ThrowsAsync<ServerStartException>(() => ServerHost.StartAsync(new ServerOptions { Listen = listen }, CancellationToken.None));
            Assert.Contains(says, refused.Message, StringComparison.Ordinal);
        }
    }
}

/// <summary>A server that holds all shards of one job, and a client to them.</summary>
internal sealed class RunningJob : IAsyncDisposable
{
    private readonly ServerHost _server;
    private readonly Func<GrpcParameterClient> _makeClient;
    private bool _isStopped;

    private RunningJob(ServerHost server, GrpcChannel channel, Func<GrpcParameterClient> makeClient) =>
        (_server, Channel, _makeClient, Client) = (server, channel, makeClient, makeClient());

    public string Address => _server.Address;

    public GrpcChannel Channel { get; }

    public GrpcParameterClient Client { get; }

    public GrpcParameterClient NewClient() => _makeClient();

    /// <summary>Stops the server ahead of the end.</summary>
    public Task StopAsync()
    {
        _isStopped = true;
        return _server.DisposeAsync().AsTask();
    }

    public static async Task<RunningJob> StartAsync(TrainingJob job, int shards, ServerLimits? limits = null)
    {
        ServerHost server = await ServerHost.StartAsync(new ServerOptions { Listen = "127.0.0.1:0", Limits = limits ?? new ServerLimits() }, CancellationToken.None);
        GrpcChannel channel = GrpcChannel.ForAddress($"http://{server.Address}", new GrpcChannelOptions { MaxReceiveMessageSize = null });
        ShardMap map = ShardMap.Cut(job.KeyCount, shards);
        var placements = Enumerable.Range(0, map.Count).Select(i => new Shared.Exchange.ShardPlacement(i, map[i], server.Address)).ToList();
        var request = new ActivateRequest { Spec = job.ToMessage() };
        request.Shards.Add(placements.Select(placement => placement.ToMessage()));
        await new Wire.Shards.ShardsClient(channel).ActivateAsync(request);
        return new RunningJob(server, channel, () => new GrpcParameterClient(job.Name, job.EntryFloats, placements, new GrpcClientOptions()));
    }

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync();
        Channel.Dispose();
        if (!_isStopped)
            await _server.DisposeAsync();
    }
}
