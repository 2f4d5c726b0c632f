using System.Globalization;
using DistSgd.Protos.V1;
using Google.Protobuf;
using Grpc.Core;
using Push = DistSgd.Protos.V1.Push;
using Wire = DistSgd.Protos.V1;

namespace DistSgd.ParamServer.Tests.Services;

/// <summary>
/// The same bad input by a call and on a stream: the same status and sentence, and the same call, the same stream and another stream go on.
/// </summary>
public sealed class BadInputTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly Marshaller<byte[]> Plain = Marshallers.Create(bytes => bytes, bytes => bytes);

    private static readonly (StatusCode Code, string Says, Action<Bad> Spoil)[] Ways =
    [
        (StatusCode.NotFound, "Shard 9", bad => bad.Shard = 9),
        (StatusCode.InvalidArgument, "64 keys from 64 on reach beyond the shard's 64 keys", bad => bad.Pull.Keys = new ShardKeys { First = 64, Count = 64 }),
        (StatusCode.InvalidArgument, "key 64 is beyond the shard's 64 keys", bad => bad.Push.Keys = new ShardKeys { Count = 1, Keys = Packed(64) }),
        (StatusCode.InvalidArgument, "strictly ascending", bad => bad.Pull.Keys = new ShardKeys { Count = 2, Keys = Packed(5, 5) }),
        (StatusCode.InvalidArgument, "2 keys are announced but 1 are listed", bad => bad.Pull.Keys = new ShardKeys { Count = 2, Keys = Packed(5) }),
        (StatusCode.InvalidArgument, "both plainly and coded", bad => bad.Pull.Keys = new ShardKeys { Count = 1, Keys = Packed(5), Coded = ByteString.CopyFrom(0) }),
        (StatusCode.InvalidArgument, "width", bad => bad.Pull.Keys = new ShardKeys { Count = 1, Coded = ByteString.CopyFrom(99) }),
        (StatusCode.InvalidArgument, "needs 1 values, not 2", bad => bad.Push.Values = ByteString.CopyFrom(new byte[8])),
        (StatusCode.InvalidArgument, "7 bytes long, not a multiple of 4", bad => bad.Push.Values = ByteString.CopyFrom(new byte[7])),
        (StatusCode.OutOfRange, "NaN or infinite", bad => bad.Push.Values = ByteString.CopyFrom(BitConverter.GetBytes(float.NaN))),
        (StatusCode.OutOfRange, "NaN or infinite", bad => bad.Push.Values = ByteString.CopyFrom(BitConverter.GetBytes(float.NegativeInfinity))),
        (StatusCode.InvalidArgument, "kind is 0; expected PUSH_KIND_GRADIENT (1), PUSH_KIND_DELTA (2), PUSH_KIND_GRADIENT_AT_POINT (3) or PUSH_KIND_STATE (4)", bad => bad.Push.Kind = Wire.PushKind.Unspecified),
        (StatusCode.InvalidArgument, "kind is 9", bad => bad.Push.Kind = (Wire.PushKind)9),
        (StatusCode.InvalidArgument, "part is 9", bad => bad.Pull.Part = (Wire.PullPart)9),
        (StatusCode.InvalidArgument, "counts from 1", bad => bad.Push.Name = null),
        (StatusCode.InvalidArgument, "part 2 of 2", bad => (bad.Push.Part, bad.Push.Parts) = (2, 2)),
        (StatusCode.InvalidArgument, "finite and not negative", bad => bad.Push.RateSum = double.NaN),
        (StatusCode.InvalidArgument, "below 2^63", bad => bad.Push.Step = ulong.MaxValue),
        (StatusCode.InvalidArgument, "expected a push and a pull", bad => bad.Only = "call"),
        (StatusCode.InvalidArgument, "holds neither", bad => bad.Only = "stream"),
    ];

    [Fact]
    public async Task BadExchange_ByCallAndOnAStream_HasItsStatusAndSentence_AndAllElseGoesOn()
    {
        await using var server = await RunningJob.StartAsync(Jobs.Make(63), shards: 1);
        var client = new Parameters.ParametersClient(server.Channel);
        await using var stream = await Talk.StartAsync(server);
        await using var neighbour = await Talk.StartAsync(server);
        ulong sequence = 0;
        float applied = 0;
        foreach ((StatusCode code, string says, Action<Bad> spoil) in Ways)
        {
            var bad = new Bad(++sequence);
            spoil(bad);
            if (bad.Only != "stream")
            {
                var request = new PushPullRequest { Job = "job", Shard = bad.Shard, Push = bad.Push, Pull = bad.Only is null ? bad.Pull : null };
                RpcException refused = await Assert.ThrowsAsync<RpcException>(async () => await client.PushPullAsync(request));
                Assert.True((code, true) == (refused.StatusCode, refused.Status.Detail.Contains(says, StringComparison.Ordinal)), $"{says}: {refused.Status}");
            }
            if (bad.Only != "call")
            {
                await stream.SendAsync(new ClientFrame { Exchange = new StreamExchange { Id = sequence, Shard = bad.Shard, Push = bad.Only is null ? bad.Push : null, Pull = bad.Only is null ? bad.Pull : null } });
                Talk.AssertRefused(await stream.ReadAsync(), sequence, code, says);
            }
            foreach (Talk talk in (Talk[])[stream, neighbour])
            {
                var good = new Bad(++sequence);
                await talk.SendAsync(new ClientFrame { Exchange = new StreamExchange { Id = sequence, Push = good.Push, Pull = good.Pull } });
                Assert.Equal(++applied, BitConverter.ToSingle((await talk.ReadAsync()).Answer.Values.Span));
            }
        }
    }

    [Fact]
    public async Task BytesThatAreNoMessage_AreMalformed_ByCallAndOnAStream()
    {
        await using var server = await RunningJob.StartAsync(Jobs.Make(63), shards: 1);
        CallInvoker invoker = server.Channel.CreateCallInvoker();
        byte[] cut = [0x0A, 0x7F, 1], unknownWireType = [0x0F];
        foreach ((byte[] bytes, string says) in ((byte[], string)[])[(cut, "ends in the middle of a field"), (unknownWireType, "unknown wire type 7")])
        {
            foreach (string method in (string[])["Push", "Pull", "PushPull"])
            {
                using AsyncUnaryCall<byte[]> call = invoker.AsyncUnaryCall(new Method<byte[], byte[]>(MethodType.Unary, "distsgd.v1.Parameters", method, Plain, Plain), null, default, bytes);
                RpcException refused = await Assert.ThrowsAsync<RpcException>(async () => await call);
                Assert.Equal((StatusCode.InvalidArgument, true), (refused.StatusCode, refused.Status.Detail.Contains(says, StringComparison.Ordinal)));
            }
            using AsyncDuplexStreamingCall<byte[], byte[]> stream = invoker.AsyncDuplexStreamingCall(new Method<byte[], byte[]>(MethodType.DuplexStreaming, "distsgd.v1.Parameters", "Exchange", Plain, Plain), null, default);
            await stream.RequestStream.WriteAsync(bytes);
            Talk.AssertRefused(await NextAsync(stream), 0, StatusCode.InvalidArgument, says);
            await stream.RequestStream.WriteAsync(new ClientFrames { Frames = { new ClientFrame { Hello = new Hello { Job = "job", Version = 1 } } } }.ToByteArray());
            Assert.NotNull((await NextAsync(stream)).Welcome);
        }

        static async Task<ServerFrame> NextAsync(AsyncDuplexStreamingCall<byte[], byte[]> stream)
        {
            Assert.True(await stream.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Patience));
            return ServerFrames.Parser.ParseFrom(stream.ResponseStream.Current).Frames.Single();
        }
    }

    [Fact]
    public async Task UnknownVersionOfTheContract_IsNamedBesideTheKnownOne()
    {
        await using var server = await RunningJob.StartAsync(Jobs.Make(63), shards: 1);
        // On a stream, the hello says it; the stream goes on with a version that is known.
        await using var stream = new Talk(server);
        foreach (uint version in (uint[])[0, 2, uint.MaxValue])
        {
            await stream.SendAsync(new ClientFrame { Hello = new Hello { Job = "job", Version = version } });
            Talk.AssertRefused(await stream.ReadAsync(), 0, StatusCode.FailedPrecondition, $"Version {version} of the stream's contract isn't known here; say hello with version 1.");
        }
        await stream.SendAsync(new ClientFrame { Hello = new Hello { Job = "job", Version = 1 } });
        Assert.NotNull((await stream.ReadAsync()).Welcome);
        // A call says it by the service's name.
        using AsyncUnaryCall<byte[]> call = server.Channel.CreateCallInvoker().AsyncUnaryCall(new Method<byte[], byte[]>(MethodType.Unary, "distsgd.v2.Parameters", "Push", Plain, Plain), null, default, []);
        RpcException unknown = await Assert.ThrowsAsync<RpcException>(async () => await call);
        Assert.Equal(StatusCode.Unimplemented, unknown.StatusCode);
        Assert.StartsWith("This server has no service distsgd.v2.Parameters; it has ", unknown.Status.Detail, StringComparison.Ordinal);
        Assert.Contains("distsgd.v1.Parameters", unknown.Status.Detail, StringComparison.Ordinal);
        // And what a client of another version may ask first.
        Assert.Equal(1u, (await new Wire.Shards.ShardsClient(server.Channel).DescribeAsync(new DescribeRequest())).Contract);
    }

    [Theory]
    [InlineData("distsgd.v1.Shards", "Describe")]
    [InlineData("distsgd.v1.Shards", "Activate")]
    [InlineData("distsgd.v1.Coordination", "Report")]
    public async Task Bytes_ThatAreNoMessage_AreRefusedByTheOtherServices_WhichGoOn(string service, string method)
    {
        await using var server = await RunningJob.StartAsync(Jobs.Make(63), shards: 1);
        var raw = new Method<byte[], byte[]>(MethodType.Unary, service, method, Plain, Plain);
        RpcException refused = await Assert.ThrowsAsync<RpcException>(async () => await server.Channel.CreateCallInvoker().AsyncUnaryCall(raw, null, default, [0, 255, 255]));
        Assert.Equal((StatusCode.Internal, true), (refused.StatusCode, refused.Status.Detail.StartsWith("The request can't be deserialized: ", StringComparison.Ordinal)));
        Assert.Equal(1u, (await new Wire.Shards.ShardsClient(server.Channel).DescribeAsync(new DescribeRequest())).Contract);
    }

    [Fact]
    public async Task ExpiredDeadline_OfACallWhoseMessageDoesntCome_IsDeadlineExceeded()
    {
        await using var server = await RunningJob.StartAsync(Jobs.Make(63), shards: 1);
        using HttpResponseMessage late = await RawCall.SendAsync(server.Address, "Push", [0, 0, 0, 0, 100], staysOpen: true, timeout: "20m");
        Assert.Equal(((int)StatusCode.DeadlineExceeded).ToString(CultureInfo.InvariantCulture), RawCall.Header(late, "grpc-status"));
        Assert.Contains("deadline passed", Uri.UnescapeDataString(RawCall.Header(late, "grpc-message")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task UnknownJob_IsNotFound_ByCallAndOnAStream()
    {
        await using var server = await RunningJob.StartAsync(Jobs.Make(63), shards: 1);
        var good = new Bad(1);
        RpcException refused = await Assert.ThrowsAsync<RpcException>(async () => await new Parameters.ParametersClient(server.Channel).PullAsync(new PullRequest { Job = "nobody's", Pull = good.Pull }));
        Assert.Equal((StatusCode.NotFound, true), (refused.StatusCode, refused.Status.Detail.Contains("nobody's", StringComparison.Ordinal)));
        await using var stream = await Talk.StartAsync(server, "nobody's");
        await stream.SendAsync(new ClientFrame { Exchange = new StreamExchange { Id = 1, Pull = good.Pull } });
        Talk.AssertRefused(await stream.ReadAsync(), 1, StatusCode.NotFound, "nobody's");
    }

    private static ByteString Packed(params uint[] keys) => ByteString.CopyFrom([.. keys.SelectMany(BitConverter.GetBytes)]);

    /// <summary>A push of 1 to key 3, and a pull of it: good until it is spoilt.</summary>
    private sealed class Bad(ulong sequence)
    {
        public uint Shard { get; set; }

        public Push Push { get; } = new()
        {
            Name = new Wire.PushName { Source = 7, Sequence = sequence },
            Kind = Wire.PushKind.Delta,
            Keys = new ShardKeys { First = 3, Count = 1 },
            Values = ByteString.CopyFrom(BitConverter.GetBytes(1f)),
        };

        public Pull Pull { get; } = new() { Keys = new ShardKeys { First = 3, Count = 1 } };

        /// <summary>Sent without what it should hold, in one of the two ways.</summary>
        public string? Only { get; set; }
    }
}
