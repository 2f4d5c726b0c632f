using System.Buffers;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace DistSgd.Grpc.Tests;

/// <summary>A service bound by hand, with marshallers of its own, as the data plane does it.</summary>
public sealed class CustomMarshallerTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Payloads_AnyLength_ComeBackWhole(bool announces)
    {
        await using var app = await StartAsync(announces);
        using var channel = GrpcChannel.ForAddress(AddressOf(app));
        var method = BytesService.MethodFor(announces);
        foreach (var bytes in new[] { 0, 1, 4091, 4096, 70_000, 3_000_000 })
        {
            var payload = new byte[bytes];
            new Random(bytes).NextBytes(payload);
            var reply = await channel.CreateCallInvoker().AsyncUnaryCall(method, null, default, payload).ResponseAsync.WaitAsync(Patience);
            Assert.True(reply.AsSpan().SequenceEqual(payload), $"{bytes} bytes came back changed (seed {bytes}).");
        }
    }

    [Fact]
    public async Task ResponseSerializer_FailsInMidMessage_ResetsTheCallAndTheServerServesOn()
    {
        await using var app = await StartAsync(announces: true);
        using var channel = GrpcChannel.ForAddress(AddressOf(app));
        var invoker = channel.CreateCallInvoker();
        var method = BytesService.MethodFor(announces: true);
        var e = await Assert.ThrowsAsync<RpcException>(
            () => invoker.AsyncUnaryCall(method, null, default, BytesService.Poison).ResponseAsync.WaitAsync(Patience));
        Assert.Equal(StatusCode.Internal, e.StatusCode);
        Assert.Equal([1], await invoker.AsyncUnaryCall(method, null, default, [1]).ResponseAsync.WaitAsync(Patience));
    }

    private static string AddressOf(WebApplication app) =>
        app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();

    private static async Task<WebApplication> StartAsync(bool announces)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(options => options.ConfigureForGrpc()
            .Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        var app = builder.Build();
        if (announces)
            app.MapGrpcService<AnnouncingBytesService>();
        else
            app.MapGrpcService<PlainBytesService>();
        await app.StartAsync();
        return app;
    }

    internal abstract class BytesService
    {
        public static byte[] Poison { get; } = [6, 6, 6];

        public static Method<byte[], byte[]> MethodFor(bool announces) => announces ? Announcing : Plain;

        private static readonly Method<byte[], byte[]> Announcing = Create(announces: true);

        private static readonly Method<byte[], byte[]> Plain = Create(announces: false);

        private static Method<byte[], byte[]> Create(bool announces)
        {
            var requests = new Marshaller<byte[]>((message, context) => Write(message, context, announces), Read);
            var replies = new Marshaller<byte[]>((message, context) => WriteReply(message, context, announces), Read);
            return new Method<byte[], byte[]>(MethodType.Unary, "tests.Bytes", "Echo", requests, replies);
        }

        private static void WriteReply(byte[] message, SerializationContext context, bool announces)
        {
            if (!message.AsSpan().SequenceEqual(Poison))
            {
                Write(message, context, announces);
                return;
            }
            context.SetPayloadLength(100);
            context.GetBufferWriter().Write(message);
            throw new InvalidOperationException("The serializer breaks off.");
        }

        private static void Write(byte[] message, SerializationContext context, bool announces)
        {
            if (announces)
                context.SetPayloadLength(message.Length);
            context.GetBufferWriter().Write(message);
            context.Complete();
        }

        private static byte[] Read(DeserializationContext context)
        {
            var payload = context.PayloadAsReadOnlySequence();
            Assert.Equal(context.PayloadLength, payload.Length);
            return payload.ToArray();
        }
    }

    [BindServiceMethod(typeof(AnnouncingBytesService), nameof(Bind))]
    internal class AnnouncingBytesService : BytesService
    {
        public virtual Task<byte[]> Echo(byte[] request, ServerCallContext context) => Task.FromResult(request);

        public static void Bind(ServiceBinderBase binder, AnnouncingBytesService? service) =>
            binder.AddMethod(MethodFor(announces: true), service is null ? null : new UnaryServerMethod<byte[], byte[]>(service.Echo));
    }

    [BindServiceMethod(typeof(PlainBytesService), nameof(Bind))]
    internal class PlainBytesService : BytesService
    {
        public virtual Task<byte[]> Echo(byte[] request, ServerCallContext context) => Task.FromResult(request);

        public static void Bind(ServiceBinderBase binder, PlainBytesService? service) =>
            binder.AddMethod(MethodFor(announces: false), service is null ? null : new UnaryServerMethod<byte[], byte[]>(service.Echo));
    }
}
