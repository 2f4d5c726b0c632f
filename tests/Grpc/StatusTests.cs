using DistSgd.Grpc.Tests.V1;
using Grpc.Core;

namespace DistSgd.Grpc.Tests;

public sealed class StatusTests
{
    [Fact]
    public async Task ServiceException_Details_StayOnTheServer()
    {
        await using var host = await EchoHost.StartAsync(expectsErrors: true);
        var e = await Assert.ThrowsAsync<RpcException>(async () => await host.Client.UnaryAsync(new EchoRequest { Behavior = "throw" }));
        Assert.Equal(new Status(StatusCode.Unknown, "Exception was thrown by handler."), e.Status);
        Assert.Contains("secret detail", Assert.Single(host.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ServiceException_WithDetailedErrors_IsTold()
    {
        await using var host = await EchoHost.StartAsync(options => options.EnableDetailedErrors = true, expectsErrors: true);
        var e = await Assert.ThrowsAsync<RpcException>(async () => await host.Client.UnaryAsync(new EchoRequest { Behavior = "throw" }));
        Assert.Equal("Exception was thrown by handler. InvalidOperationException: secret detail", e.Status.Detail);
    }

    [Fact]
    public async Task ServiceStatus_CodeDetailAndTrailers_Arrive()
    {
        await using var host = await EchoHost.StartAsync();
        const string detail = "100 % wrong:\r\n\tτ, 😀 and \"quotes\"";
        using var call = host.Client.UnaryAsync(new EchoRequest { Behavior = "status", Text = detail });
        var e = await Assert.ThrowsAsync<RpcException>(async () => await call);
        Assert.Equal(new Status(StatusCode.FailedPrecondition, detail), e.Status);
        Assert.Equal("because", e.Trailers.GetValue("why"));
        Assert.Equal([0, 255, 1], e.Trailers.GetValueBytes("raw-bin")!);
        Assert.Equal(e.Status, call.GetStatus());
        Assert.Equal("because", call.GetTrailers().GetValue("why"));
        Assert.Empty(await call.ResponseHeadersAsync);
    }

    [Fact]
    public async Task ServiceStatus_AfterSomeResponses_ComesAfterThem()
    {
        await using var host = await EchoHost.StartAsync();
        using var call = host.Client.Expand(new EchoRequest { Behavior = "status", Text = "enough", Responses = 3 });
        for (var i = 0; i < 3; i++)
            Assert.True(await call.ResponseStream.MoveNext());
        var e = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext());
        Assert.Equal(new Status(StatusCode.FailedPrecondition, "enough"), e.Status);
    }

    [Fact]
    public async Task ServiceStatus_SetOnContext_EndsTheCall()
    {
        await using var host = await EchoHost.StartAsync();
        var e = await Assert.ThrowsAsync<RpcException>(async () => await host.Client.UnaryAsync(new EchoRequest { Behavior = "set-status", Text = "lost" }));
        Assert.Equal(new Status(StatusCode.DataLoss, "lost"), e.Status);
    }

    [Fact]
    public async Task Method_NotImplemented_SaysSo()
    {
        await using var host = await EchoHost.StartAsync();
        var e = await Assert.ThrowsAsync<RpcException>(async () => await host.Client.MissingAsync(new EchoRequest()));
        Assert.Equal(StatusCode.Unimplemented, e.StatusCode);
    }

    [Theory]
    [InlineData("distsgd.tests.v1.Echo", "NoSuchMethod", "has no method NoSuchMethod")]
    [InlineData("no.such.Service", "Method", "has no service no.such.Service")]
    public async Task MethodOrService_NotMapped_IsUnimplemented(string service, string name, string detail)
    {
        await using var host = await EchoHost.StartAsync();
        var method = new Method<string, string>(MethodType.Unary, service, name, Marshallers.StringMarshaller, Marshallers.StringMarshaller);
        var e = await Assert.ThrowsAsync<RpcException>(
            async () => await host.Channel.CreateCallInvoker().AsyncUnaryCall(method, null, default, "x"));
        Assert.Equal(StatusCode.Unimplemented, e.StatusCode);
        Assert.Contains(detail, e.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Write_AfterTheServerEndedTheCall_ThrowsItsStatus()
    {
        await using var host = await EchoHost.StartAsync();
        using var call = host.Client.Collect();
        await call.RequestStream.WriteAsync(new EchoRequest { Behavior = "status", Text = "stop" });
        await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync);
        var e = await Assert.ThrowsAsync<RpcException>(() => call.RequestStream.WriteAsync(new EchoRequest()));
        Assert.Equal(new Status(StatusCode.FailedPrecondition, "stop"), e.Status);
    }

    [Fact]
    public async Task Status_BeforeTheEnd_IsNotToldYet()
    {
        await using var host = await EchoHost.StartAsync();
        using var call = host.Client.Chat();
        Assert.Throws<InvalidOperationException>(() => call.GetStatus());
        Assert.Throws<InvalidOperationException>(() => call.GetTrailers());
    }
}
