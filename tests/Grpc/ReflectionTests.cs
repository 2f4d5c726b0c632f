using DistSgd.Grpc.Tests.V1;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Reflection.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Alpha = Grpc.Reflection.V1Alpha;

namespace DistSgd.Grpc.Tests;

/// <summary>A client that knows nothing of the services but how to ask.</summary>
public sealed class ReflectionTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Services_ThatAreMapped_AreListed()
    {
        await using var host = await StartAsync();
        var answer = await AskAsync(host, new ServerReflectionRequest { Host = "h", ListServices = "" });
        Assert.Equal(
            ["distsgd.tests.v1.Echo", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"],
            answer.ListServicesResponse.Service.Select(service => service.Name));
        Assert.Equal("h", answer.ValidHost);
    }

    [Fact]
    public async Task GenericClient_WithNothingButReflection_MakesACall()
    {
        await using var host = await StartAsync();
        var answer = await AskAsync(host, new ServerReflectionRequest { FileContainingSymbol = "distsgd.tests.v1.Echo" });
        var files = FileDescriptor.BuildFromByteStrings(answer.FileDescriptorResponse.FileDescriptorProto.Reverse());
        var method = files.SelectMany(file => file.Services).Single(service => service.FullName == "distsgd.tests.v1.Echo").FindMethodByName("Unary");
        var text = method.InputType.FindFieldByName("text").FieldNumber;
        var raw = Marshallers.Create<byte[]>(bytes => bytes, bytes => bytes);
        var untyped = new Method<byte[], byte[]>(MethodType.Unary, method.Service.FullName, method.Name, raw, raw);
        byte[] request = [(byte)(text << 3 | 2), 2, (byte)'h', (byte)'i'];
        var reply = await host.Channel.CreateCallInvoker().AsyncUnaryCall(untyped, null, default, request).ResponseAsync.WaitAsync(Patience);
        Assert.Equal("hi", EchoReply.Parser.ParseFrom(reply).Text);
    }

    [Theory]
    [InlineData("distsgd.tests.v1.Echo.Unary")]
    [InlineData("distsgd.tests.v1.EchoReply")]
    [InlineData("distsgd.tests.v1.EchoReply.index")]
    public async Task Symbol_OfEachKind_IsFound(string symbol)
    {
        await using var host = await StartAsync();
        var answer = await AskAsync(host, new ServerReflectionRequest { FileContainingSymbol = symbol });
        Assert.Equal("echo.proto", FileDescriptorProto.Parser.ParseFrom(answer.FileDescriptorResponse.FileDescriptorProto[0]).Name);
    }

    [Fact]
    public async Task File_ByName_ComesWithAllItImports()
    {
        await using var host = await StartAsync();
        var answer = await AskAsync(host, new ServerReflectionRequest { FileByFilename = "extended.proto" });
        Assert.Equal(
            ["extended.proto", "google/protobuf/descriptor.proto"],
            answer.FileDescriptorResponse.FileDescriptorProto.Select(bytes => FileDescriptorProto.Parser.ParseFrom(bytes).Name));
    }

    [Fact]
    public async Task Extensions_AreFoundByTypeAndNumber()
    {
        await using var host = await StartAsync();
        var numbers = await AskAsync(host, new ServerReflectionRequest { AllExtensionNumbersOfType = "google.protobuf.FieldOptions" });
        Assert.Equal([50_001], numbers.AllExtensionNumbersResponse.ExtensionNumber);
        var none = await AskAsync(host, new ServerReflectionRequest { AllExtensionNumbersOfType = "distsgd.tests.v1.EchoReply" });
        Assert.Empty(none.AllExtensionNumbersResponse.ExtensionNumber);
        var file = await AskAsync(host, new ServerReflectionRequest
        {
            FileContainingExtension = new ExtensionRequest { ContainingType = "google.protobuf.FieldOptions", ExtensionNumber = 50_001 },
        });
        Assert.Equal("extended.proto", FileDescriptorProto.Parser.ParseFrom(file.FileDescriptorResponse.FileDescriptorProto[0]).Name);
    }

    [Fact]
    public async Task Question_WithoutAnAnswer_IsAnErrorAndTheStreamGoesOn()
    {
        await using var host = await StartAsync();
        using var call = new ServerReflection.ServerReflectionClient(host.Channel).ServerReflectionInfo();
        (ServerReflectionRequest Request, StatusCode Code, string Why)[] questions =
        [
            (new() { FileByFilename = "no.proto" }, StatusCode.NotFound, "no file 'no.proto'"),
            (new() { FileContainingSymbol = "no.Such" }, StatusCode.NotFound, "no symbol 'no.Such'"),
            (new() { AllExtensionNumbersOfType = "no.Such" }, StatusCode.NotFound, "no message 'no.Such'"),
            (new() { FileContainingExtension = new() { ContainingType = "a.B", ExtensionNumber = 7 } }, StatusCode.NotFound, "no extension 7 of 'a.B'"),
            (new(), StatusCode.Unimplemented, "asks for nothing"),
        ];
        foreach (var (request, code, why) in questions)
        {
            await call.RequestStream.WriteAsync(request).WaitAsync(Patience);
            Assert.True(await call.ResponseStream.MoveNext().WaitAsync(Patience));
            var answer = call.ResponseStream.Current;
            Assert.Equal((int)code, answer.ErrorResponse.ErrorCode);
            Assert.Contains(why, answer.ErrorResponse.ErrorMessage, StringComparison.Ordinal);
            Assert.Equal(request, answer.OriginalRequest);
        }
        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext().WaitAsync(Patience));
    }

    [Fact]
    public async Task Alpha_TheOlderProtocol_IsAnsweredAlike()
    {
        await using var host = await StartAsync();
        using var call = new Alpha.ServerReflection.ServerReflectionClient(host.Channel).ServerReflectionInfo();
        await call.RequestStream.WriteAsync(new Alpha.ServerReflectionRequest { FileContainingSymbol = "distsgd.tests.v1.Echo" }).WaitAsync(Patience);
        Assert.True(await call.ResponseStream.MoveNext().WaitAsync(Patience));
        Assert.Equal(
            "echo.proto", FileDescriptorProto.Parser.ParseFrom(call.ResponseStream.Current.FileDescriptorResponse.FileDescriptorProto[0]).Name);
    }

    [Fact]
    public async Task Reflection_NotAdded_IsRefusedWhenMapped()
    {
        var e = await Assert.ThrowsAsync<InvalidOperationException>(() => EchoHost.StartAsync(maps: app => app.MapGrpcReflectionService()));
        Assert.Contains("AddGrpcReflection", e.Message, StringComparison.Ordinal);
    }

    private static Task<EchoHost> StartAsync() => EchoHost.StartAsync(
        services: services => services.AddGrpcReflection(), maps: app => app.MapGrpcReflectionService());

    private static async Task<ServerReflectionResponse> AskAsync(EchoHost host, ServerReflectionRequest request)
    {
        using var call = new ServerReflection.ServerReflectionClient(host.Channel).ServerReflectionInfo();
        await call.RequestStream.WriteAsync(request).WaitAsync(Patience);
        Assert.True(await call.ResponseStream.MoveNext().WaitAsync(Patience));
        return call.ResponseStream.Current;
    }
}
