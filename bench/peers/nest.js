// NestJS on its Fastify adapter with a validation pipe; its decorators are called as functions, since nothing is compiled.

import 'reflect-metadata';
import { Body, Controller, HttpCode, Module, Post, ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsString,
  Length,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import { quoteOf } from '../load/quote.ts';
import { portOf, served } from '../load/served.ts';

class QuoteLine {}
decorate(QuoteLine, 'sku', String, IsString(), Length(1, 40));
decorate(QuoteLine, 'quantity', Number, IsInt(), Min(1), Max(1000));
decorate(QuoteLine, 'unitCents', Number, IsInt(), Min(0), Max(10_000_000));

class QuoteRequest {}
decorate(QuoteRequest, 'customer', String, IsString(), Length(1, 64));
decorate(QuoteRequest, 'currency', String, IsIn(['EUR', 'USD', 'GBP']));
decorate(QuoteRequest, 'express', Boolean, IsBoolean());
decorate(
  QuoteRequest,
  'lines',
  Array,
  IsArray(),
  ArrayMinSize(1),
  ArrayMaxSize(100),
  ValidateNested({ each: true }),
  Type(() => QuoteLine),
);

class QuotesController {
  quote(request) {
    return quoteOf(request);
  }
}
Body()(QuotesController.prototype, 'quote', 0);
Reflect.defineMetadata('design:paramtypes', [QuoteRequest], QuotesController.prototype, 'quote');
const handler = Object.getOwnPropertyDescriptor(QuotesController.prototype, 'quote');
Post('quotes')(QuotesController.prototype, 'quote', handler);
HttpCode(200)(QuotesController.prototype, 'quote', handler);
Controller()(QuotesController);

class QuotesModule {}
Module({ controllers: [QuotesController] })(QuotesModule);

const app = await NestFactory.create(QuotesModule, new FastifyAdapter(), { logger: false });
app.useGlobalPipes(new ValidationPipe({ transform: true, whitelist: true, forbidNonWhitelisted: true }));
await app.listen(0, '127.0.0.1');
served({ port: portOf(app.getHttpServer().address()) });

function decorate(type, name, of, ...decorators) {
  Reflect.defineMetadata('design:type', of, type.prototype, name);
  for (const decorator of decorators) decorator(type.prototype, name);
}
