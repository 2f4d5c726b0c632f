using DistSgd.Grpc.Tests.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.DependencyInjection;
using RpcStatus = Google.Rpc.Status;

namespace DistSgd.Grpc.Tests;

/// <summary>Errors with details, in the trailer grpc-status-details-bin.</summary>
public sealed class RichStatusTests
{
    private static readonly RpcStatus Full = new()
    {
        Code = (int)StatusCode.InvalidArgument,
        Message = "the learning rate isn't positive: −1",
        Details =
        {
            Any.Pack(new BadRequest { FieldViolations = { new BadRequest.Types.FieldViolation { Field = "job.rate", Description = "must be positive" } } }),
            Any.Pack(new RetryInfo { RetryDelay = Duration.FromTimeSpan(TimeSpan.FromSeconds(3)) }),
        },
    };

    [Fact]
    public async Task Error_WithDetails_ComesWholeToTheClient()
    {
        await using var host = await EchoHost.StartAsync(
            server: options => options.Interceptors.Add<ThrowingInterceptor>(),
            services: services => services.AddSingleton(new ThrowingInterceptor(Full)));
        var e = await Assert.ThrowsAsync<RpcException>(async () => await host.Client.UnaryAsync(new EchoRequest()));
        Assert.Equal(new global::Grpc.Core.Status(StatusCode.InvalidArgument, Full.Message), e.Status);
        var received = e.GetRpcStatus()!;
        Assert.Equal(Full, received);
        Assert.Equal("job.rate", received.GetDetail<BadRequest>()!.FieldViolations.Single().Field);
        Assert.Equal(3, received.GetDetail<RetryInfo>()!.RetryDelay.Seconds);
        Assert.Null(received.GetDetail<Help>());
    }

    [Fact]
    public void Trailers_WithoutOrWithBrokenDetails_SaySo()
    {
        Assert.Null(new Metadata().GetRpcStatus());
        var broken = new Metadata { { "grpc-status-details-bin", [0xff, 0xff] } };
        Assert.Throws<InvalidProtocolBufferException>(() => broken.GetRpcStatus());
        Assert.Null(broken.GetRpcStatus(ignoreParseError: true));
        broken.SetRpcStatus(Full);
        Assert.Equal(Full, broken.GetRpcStatus());
        Assert.Single(broken);
    }

    [Fact]
    public void DebugInfo_OfAnException_HasItsStackAndAsManyInnerOnesAsAsked()
    {
        Exception outer;
        try
        {
            Throw();
            return;
        }
        catch (InvalidOperationException e)
        {
            outer = e;
        }
        var alone = outer.ToRpcDebugInfo();
        Assert.Equal("System.InvalidOperationException: outer", alone.Detail);
        Assert.Contains(alone.StackEntries, line => line.Contains(nameof(Throw), StringComparison.Ordinal));
        Assert.DoesNotContain(alone.StackEntries, line => line.StartsWith("caused by", StringComparison.Ordinal));
        Assert.Contains("caused by System.IO.IOException: inner", outer.ToRpcDebugInfo(innerDepth: 1).StackEntries);
    }

    private static void Throw() => throw new InvalidOperationException("outer", new IOException("inner"));

    private sealed class ThrowingInterceptor(RpcStatus error) : Interceptor
    {
        public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
            TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) => throw error.ToRpcException();
    }
}
