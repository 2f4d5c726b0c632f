using System.Globalization;
using DistSgd.Protos.V1;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;
using Google.Protobuf;
using Grpc.Core;
using Push = DistSgd.Protos.V1.Push;
using Wire = DistSgd.Protos.V1;

namespace DistSgd.ParamServer.Tests.Services;

/// <summary>A server's streams, spoken to by the generated client.</summary>
public sealed class StreamTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Hello_IsWelcomedOnce_AndAnythingElseIsRefusedWhileTheStreamGoesOn()
    {
        await using var server = await RunningJob.StartAsync(Jobs.Make(63), shards: 1);
        await using var stream = new Talk(server);
        await stream.SendAsync(Exchange(7, pull: Range(0, 1)));
        Talk.AssertRefused(await stream.ReadAsync(), 7, StatusCode.FailedPrecondition, "begins with a hello");
        await stream.SendAsync(new ClientFrame { Hello = new Hello { Job = "job", Version = 9 } });
        Talk.AssertRefused(await stream.ReadAsync(), 0, StatusCode.FailedPrecondition, "version 1");
        await stream.SendAsync(new ClientFrame { Hello = new Hello { Job = "job", Version = 1, Wanted = new Credit { Exchanges = 5, KeySets = 2 } } });
        Welcome welcome = (await stream.ReadAsync()).Welcome;
        Assert.Equal((1u, 5u, 2u), (welcome.Version, welcome.Granted.Exchanges, welcome.Granted.KeySets));
        Assert.True(welcome.Granted.Bytes >= 1 << 20 && welcome.Granted.ExchangeBytes >= 1 << 20 && welcome.Granted.KeySetBytes > 0);
        await stream.SendAsync(new ClientFrame { Hello = new Hello { Job = "job", Version = 1 } });
        Talk.AssertRefused(await stream.ReadAsync(), 0, StatusCode.FailedPrecondition, "another stream");
        await stream.SendAsync(new ClientFrame());
        Talk.AssertRefused(await stream.ReadAsync(), 0, StatusCode.InvalidArgument, "neither");
        await stream.SendAsync(Exchange(8, pull: Range(0, 1)));
        Assert.Equal(8ul, (await stream.ReadAsync()).Answer.Id);
    }

    [Fact]
    public async Task Exchanges_InOneMessageAndMany_AreAnsweredInTheirOrder()
    {
        await using var server = await RunningJob.StartAsync(Jobs.Make(63), shards: 1);
        await using var stream = await Talk.StartAsync(server);
        for (int round = 0; round < 3; round++)
        {
            ClientFrame[] frames = [.. Enumerable.Range(1, 20).Select(i => Exchange((ulong)(100 * round + i), Delta((ulong)(100 * round + i), Range(3, 1), 1f), Range(3, 1)))];
            await stream.SendAsync(frames);
            for (int i = 1; i <= 20; i++)
            {
                Answer answer = (await stream.ReadAsync()).Answer;
                Assert.Equal(((ulong)(100 * round + i), (ulong)(20 * round + i), false), (answer.Id, answer.Version, answer.Duplicate));
                Assert.Equal(20f * round + i, Floats(answer)[0]);
            }
        }
    }

    [Fact]
    public async Task BadExchanges_AreRefusedEachForItself_AndTheirNeighboursAreDone()
    {
        await using var server = await RunningJob.StartAsync(Jobs.Make(63), shards: 1);
        await using var stream = await Talk.StartAsync(server);
        (StatusCode Code, string Says, Action<StreamExchange> Break)[] ways =
        [
            (StatusCode.NotFound, "Shard 9", exchange => exchange.Shard = 9),
            (StatusCode.InvalidArgument, "kind", exchange => exchange.Push.Kind = Wire.PushKind.Unspecified),
            (StatusCode.InvalidArgument, "counts from 1", exchange => exchange.Push.Name = null),
            (StatusCode.InvalidArgument, "beyond", exchange => exchange.Push.Keys.First = 64),
            (StatusCode.InvalidArgument, "needs 1 values", exchange => exchange.Push.Values = ByteString.CopyFrom(new byte[8])),
            (StatusCode.InvalidArgument, "not a multiple of 4", exchange => exchange.Push.Values = ByteString.CopyFrom(new byte[7])),
            (StatusCode.OutOfRange, "NaN", exchange => exchange.Push.Values = ByteString.CopyFrom(BitConverter.GetBytes(float.NaN))),
            (StatusCode.InvalidArgument, "strictly ascending", exchange => exchange.Push.Keys = new ShardKeys { Count = 2, Keys = Packed(5, 5) }),
            (StatusCode.InvalidArgument, "width", exchange => exchange.Push.Keys = new ShardKeys { Count = 1, Coded = ByteString.CopyFrom(99) }),
            (StatusCode.InvalidArgument, "at most", exchange => exchange.Push.Keys = new ShardKeys { Count = 1 << 30, Coded = ByteString.CopyFrom(0) }),
            (StatusCode.FailedPrecondition, "send its keys again", exchange => exchange.Push.Keys = new ShardKeys { Count = 1, Set = 4 }),
            (StatusCode.InvalidArgument, "beyond the", exchange => exchange.Push.Keys = new ShardKeys { Count = 1, Set = uint.MaxValue, Keys = Packed(1) }),
            (StatusCode.InvalidArgument, "part 2 of 2", exchange => (exchange.Push.Part, exchange.Push.Parts) = (2, 2)),
            (StatusCode.InvalidArgument, "reach beyond", exchange => exchange.Pull.Keys.Count = 65),
            (StatusCode.InvalidArgument, "holds neither", exchange => (exchange.Push, exchange.Pull) = (null, null)),
            (StatusCode.InvalidArgument, "id other than 0", exchange => exchange.Id = 0),
        ];
        ulong id = 0;
        float applied = 0;
        foreach ((StatusCode code, string says, Action<StreamExchange> spoil) in ways)
        {
            ClientFrame bad = Exchange(++id, Delta(id, Range(3, 1), 1f), Range(3, 1)), good = Exchange(++id, Delta(id, Range(3, 1), 1f), Range(3, 1));
            spoil(bad.Exchange);
            await stream.SendAsync(bad, good);
            Talk.AssertRefused(await stream.ReadAsync(), bad.Exchange.Id, code, says);
            Answer answer = (await stream.ReadAsync()).Answer;
            Assert.Equal((good.Exchange.Id, ++applied), (answer.Id, Floats(answer)[0]));
        }
    }

    [Fact]
    public async Task KeySets_AreKeptGivenNewKeysAndForgottenWithARefusal()
    {
        await using var server = await RunningJob.StartAsync(Jobs.Make(63), shards: 2);
        await using var stream = await Talk.StartAsync(server);
        var three = new ShardKeys { Count = 3, Keys = Packed(1, 5, 30), Set = 2 };
        var kept = new ShardKeys { Count = 3, Set = 2 };
        Assert.Equal((float[])[10f, 20f, 30f], Floats(await DoAsync(Exchange(1, Delta(1, three, 10, 20, 30), kept))));
        Assert.Equal((float[])[11f, 21f, 31f], Floats(await DoAsync(Exchange(2, Delta(2, kept, 1, 1, 1), kept))));
        // Another shard has other keys of these numbers.
        ClientFrame elsewhere = Exchange(3, pull: kept);
        elsewhere.Exchange.Shard = 1;
        await stream.SendAsync(elsewhere);
        Talk.AssertRefused(await stream.ReadAsync(), 3, StatusCode.FailedPrecondition, "isn't kept for shard 1");
        await stream.SendAsync(Exchange(4, pull: new ShardKeys { Count = 2, Set = 2 }));
        Talk.AssertRefused(await stream.ReadAsync(), 4, StatusCode.InvalidArgument, "has 3 keys, not 2");
        Assert.Equal((float[])[21f, 0f], Floats(await DoAsync(Exchange(5, pull: new ShardKeys { Count = 2, Keys = Packed(5, 6), Set = 2 }))));
        Assert.Equal((float[])[21f, 0f], Floats(await DoAsync(Exchange(6, pull: new ShardKeys { Count = 2, Set = 2 }))));
        await stream.SendAsync(Exchange(7, Delta(7, new ShardKeys { Count = 2, Keys = Packed(7, 8), Set = 2 }, 1, float.NaN)), Exchange(8, pull: new ShardKeys { Count = 2, Set = 2 }));
        Talk.AssertRefused(await stream.ReadAsync(), 7, StatusCode.OutOfRange, "NaN");
        Talk.AssertRefused(await stream.ReadAsync(), 8, StatusCode.FailedPrecondition, "send its keys again");

        async Task<Answer> DoAsync(ClientFrame frame)
        {
            await stream.SendAsync(frame);
            return (await stream.ReadAsync()).Answer;
        }
    }

    [Fact]
    public async Task Parts_AreAppliedOnceEach_AndTheVersionCountsWholePushes()
    {
        await using var server = await RunningJob.StartAsync(Jobs.Make(63), shards: 1);
        await using var stream = await Talk.StartAsync(server);
        (uint Part, bool Duplicate, ulong Version)[] order = [(2, false, 0), (0, false, 0), (2, true, 0), (1, false, 1), (1, true, 1), (0, true, 1)];
        ulong id = 0;
        foreach ((uint part, bool duplicate, ulong version) in order)
        {
            await stream.SendAsync(Exchange(++id, Part(part, 3, 1)));
            Answer answer = (await stream.ReadAsync()).Answer;
            Assert.Equal((duplicate, version), (answer.Duplicate, answer.Version));
        }
        await stream.SendAsync(Exchange(++id, pull: Range(0, 4)));
        Assert.Equal((float[])[1f, 2f, 3f, 0f], Floats((await stream.ReadAsync()).Answer));
        // A part that is refused changes nothing and may be mended; the others stay.
        Push spoilt = Part(1, 3, 2);
        spoilt.Values = ByteString.CopyFrom(BitConverter.GetBytes(float.PositiveInfinity));
        await stream.SendAsync(Exchange(++id, Part(0, 3, 2)), Exchange(++id, spoilt), Exchange(++id, Part(0, 2, 2)), Exchange(++id, Part(1, 3, 2)), Exchange(++id, Part(2, 3, 2), Range(0, 4)));
        Assert.Equal(1ul, (await stream.ReadAsync()).Answer.Version);
        Talk.AssertRefused(await stream.ReadAsync(), id - 3, StatusCode.OutOfRange, "infinite");
        Talk.AssertRefused(await stream.ReadAsync(), id - 2, StatusCode.InvalidArgument, "another number of parts");
        Assert.False((await stream.ReadAsync()).Answer.Duplicate);
        Answer last = (await stream.ReadAsync()).Answer;
        Assert.Equal(2ul, last.Version);
        Assert.Equal((float[])[2f, 4f, 6f, 0f], Floats(last));

        static Push Part(uint part, uint parts, ulong sequence)
        {
            Push push = Delta(sequence, Range(part, 1), part + 1);
            (push.Part, push.Parts) = (part, parts);
            return push;
        }
    }

    [Fact]
    public async Task ClientThatNeverReads_IsNoLongerServed_WhileOthersAre_AndGetsAllWhenItReads()
    {
        const int Floats = 1 << 18, Pulls = 200;
        await using var server = await RunningJob.StartAsync(Jobs.Make(Floats - 1), shards: 1);
        await using var stream = await Talk.StartAsync(server);
        for (ulong id = 1; id <= Pulls; id++)
            await stream.SendAsync(Exchange(id, pull: Range(0, Floats)));
        var neighbour = new ParameterExchange(1) { PullKeys = KeySet.Range(0, Floats), Pulled = new float[Floats] };
        for (int i = 0; i < 30; i++)
            await server.Client.ExecuteAsync(neighbour, CancellationToken.None).AsTask().WaitAsync(Patience);
        DescribeResponse described = await new Wire.Shards.ShardsClient(server.Channel).DescribeAsync(new DescribeRequest());
        // What the windows hold, and one answer; a client whose host lets its window grow has one of 16 MiB at most.
        Assert.InRange((long)described.Shards[0].BytesPulled - 30 * 4L * Floats, 1, 40 << 20);
        for (ulong id = 1; id <= Pulls; id++)
            Assert.Equal(id, (await stream.ReadAsync()).Answer.Id);
    }

    [Fact]
    public async Task MessagesAboveTheGrant_EndTheirStreamAlone_AndPullsAboveItAreRefused()
    {
        await using var server = await RunningJob.StartAsync(Jobs.Make(1 << 19), shards: 1);
        await using var neighbour = await Talk.StartAsync(server);
        await using var stream = await Talk.StartAsync(server);
        Task<ServerFrame> reading = stream.ReadAsync();
        // The refusal may come while the message is still being sent: then the writing ends with it too.
        await Record.ExceptionAsync(() => stream.SendAsync(Exchange(1, Delta(1, Range(0, 1 << 19), new float[1 << 19]))));
        RpcException ended = await Assert.ThrowsAsync<RpcException>(() => reading);
        Assert.Equal(StatusCode.ResourceExhausted, ended.StatusCode);
        Assert.Matches("it has 20971[0-9]{2} bytes, the limit is 1048576 bytes", ended.Status.Detail);
        await neighbour.SendAsync(Exchange(2, pull: Range(0, 1 << 19)));
        Talk.AssertRefused(await neighbour.ReadAsync(), 2, StatusCode.InvalidArgument, "Pull fewer keys");
        await neighbour.SendAsync(Exchange(3, pull: Range(0, 2)));
        Assert.Equal((float[])[0f, 0f], Floats((await neighbour.ReadAsync()).Answer));
    }

    [Fact]
    public async Task MessageThatAnnouncesTooMuch_IsRefusedBeforeAnyOfItIsSent()
    {
        const int Announced = 0x0C80_0000;
        await using var server = await RunningJob.StartAsync(Jobs.Make(63), shards: 1);
        await using var neighbour = await Talk.StartAsync(server);
        using var answer = await RawCall.SendAsync(server.Address, "Exchange", [0, 0x0C, 0x80, 0, 0], staysOpen: true);
        Assert.Equal(((int)StatusCode.ResourceExhausted).ToString(CultureInfo.InvariantCulture), RawCall.Header(answer, "grpc-status"));
        string says = Uri.UnescapeDataString(RawCall.Header(answer, "grpc-message"));
        Assert.Contains($"it has {Announced} bytes, the limit is {1 << 20} bytes", says, StringComparison.Ordinal);
        await neighbour.SendAsync(Exchange(3, pull: Range(0, 2)));
        Assert.Equal((float[])[0f, 0f], Floats((await neighbour.ReadAsync()).Answer));
    }

    [Fact]
    public async Task Streams_BeyondTheBoundsOfCountOrMemory_AreTurnedAway_AndTheirShareComesBack()
    {
        foreach (var limits in (ServerLimitsOf[])[new(StreamsMax: 1, Memory: 1L << 30), new(StreamsMax: 99, Memory: 6 << 20)])
        {
            await using var server = await RunningJob.StartAsync(Jobs.Make(63), shards: 1, new ParamServer.Services.ServerLimits { StreamsMax = limits.StreamsMax, StreamMemoryBytesMax = limits.Memory });
            await using (await Talk.StartAsync(server))
            {
                RpcException refused = await Assert.ThrowsAsync<RpcException>(() => Talk.StartAsync(server));
                Assert.Equal(StatusCode.ResourceExhausted, refused.StatusCode);
            }
            // The first stream's end reaches the server after its client has left.
            await server.Client.ExecuteAsync(new ParameterExchange(1) { PullKeys = KeySet.Range(0, 1), Pulled = new float[1] }, CancellationToken.None).AsTask().WaitAsync(Patience);
        }
    }

    [Fact]
    public async Task Stop_EndsStreamsThatAreIdle_WithAStatusToTryAgain()
    {
        var server = await RunningJob.StartAsync(Jobs.Make(63), shards: 1);
        await using Talk stream = await Talk.StartAsync(server);
        Task stopping = server.StopAsync();
        RpcException ended = await Assert.ThrowsAsync<RpcException>(stream.ReadAsync);
        Assert.Equal(StatusCode.Unavailable, ended.StatusCode);
        await stopping.WaitAsync(Patience);
        await server.DisposeAsync();
    }

    private sealed record ServerLimitsOf(int StreamsMax, long Memory);

    private static ClientFrame Exchange(ulong id, Push? push = null, ShardKeys? pull = null) =>
        new() { Exchange = new StreamExchange { Id = id, Push = push, Pull = pull is null ? null : new Pull { Keys = pull } } };

    private static Push Delta(ulong sequence, ShardKeys keys, params float[] values) => new()
    {
        Name = new Wire.PushName { Source = 1, Sequence = sequence },
        Kind = Wire.PushKind.Delta,
        Keys = keys.Clone(),
        Values = ByteString.CopyFrom([.. values.SelectMany(BitConverter.GetBytes)]),
    };

    private static ShardKeys Range(ulong first, int count) => new() { First = first, Count = (ulong)count };

    private static ByteString Packed(params uint[] keys) => ByteString.CopyFrom([.. keys.SelectMany(BitConverter.GetBytes)]);

    private static float[] Floats(Answer answer) => System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(answer.Values.Span).ToArray();
}
