using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Alpha = Grpc.Reflection.V1Alpha;

namespace Grpc.Reflection;

/// <summary>Serves grpc.reflection.v1: tells clients which services there are and what their messages look like. Thread-safe.</summary>
public sealed class ReflectionV1ServiceImpl : V1.ServerReflection.ServerReflectionBase
{
    private readonly ReflectionAnswers _answers;

    /// <summary>Tells of these services.</summary>
    public ReflectionV1ServiceImpl(params ServiceDescriptor[] serviceDescriptors)
        : this((IEnumerable<ServiceDescriptor>)serviceDescriptors)
    {
    }

    /// <summary>Tells of these services.</summary>
    public ReflectionV1ServiceImpl(IEnumerable<ServiceDescriptor> serviceDescriptors) => _answers = ReflectionAnswers.Of(serviceDescriptors);

    /// <summary>Tells of services by their full names, and of what the registry finds.</summary>
    public ReflectionV1ServiceImpl(IEnumerable<string> services, SymbolRegistry symbolRegistry) => _answers = new ReflectionAnswers(services, symbolRegistry);

    /// <inheritdoc/>
    public override async Task ServerReflectionInfo(
        IAsyncStreamReader<V1.ServerReflectionRequest> requestStream,
        IServerStreamWriter<V1.ServerReflectionResponse> responseStream,
        ServerCallContext context)
    {
        while (await requestStream.MoveNext(context.CancellationToken))
            await responseStream.WriteAsync(_answers.Answer(requestStream.Current), context.CancellationToken);
    }
}

/// <summary>Serves grpc.reflection.v1alpha, which older clients ask: the same messages under another name. Thread-safe.</summary>
public sealed class ReflectionServiceImpl : Alpha.ServerReflection.ServerReflectionBase
{
    private readonly ReflectionAnswers _answers;

    /// <summary>Tells of these services.</summary>
    public ReflectionServiceImpl(params ServiceDescriptor[] serviceDescriptors)
        : this((IEnumerable<ServiceDescriptor>)serviceDescriptors)
    {
    }

    /// <summary>Tells of these services.</summary>
    public ReflectionServiceImpl(IEnumerable<ServiceDescriptor> serviceDescriptors) => _answers = ReflectionAnswers.Of(serviceDescriptors);

    /// <summary>Tells of services by their full names, and of what the registry finds.</summary>
    public ReflectionServiceImpl(IEnumerable<string> services, SymbolRegistry symbolRegistry) => _answers = new ReflectionAnswers(services, symbolRegistry);

    /// <inheritdoc/>
    public override async Task ServerReflectionInfo(
        IAsyncStreamReader<Alpha.ServerReflectionRequest> requestStream,
        IServerStreamWriter<Alpha.ServerReflectionResponse> responseStream,
        ServerCallContext context)
    {
        while (await requestStream.MoveNext(context.CancellationToken))
        {
            var answer = _answers.Answer(V1.ServerReflectionRequest.Parser.ParseFrom(requestStream.Current.ToByteString()));
            await responseStream.WriteAsync(Alpha.ServerReflectionResponse.Parser.ParseFrom(answer.ToByteString()), context.CancellationToken);
        }
    }
}
